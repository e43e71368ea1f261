"""Records of the simulation: requests, responses, money, and commits as plain items."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.dynamodb import Key

Plain = dict[str, Any]
Commit = Mapping[Key, tuple[Plain | None, Plain | None]]
"""The items of one transaction, before and after."""
# The prefix of every contact in the simulation, in texts as well, and of nothing else (I18, I23).
CANARY = "canary_"


def receipt_contact_of(user: int | None) -> str:
    """Return the contact that a payer gives for receipts. It is searched for like every contact."""
    return f"{CANARY}{user}@example.ru"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request of an actor."""

    number: int
    route: str
    user: int | None
    id: str | None = None
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name the request in a trace."""
        told = {name: value for name, value in (self.body or {}).items() if name not in ("description", "city")}
        return f"{self.route.replace('{id}', self.id or '')} {told or ''}{dict(self.query) or ''} by {self.user}"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to an actor."""

    status: int
    json: Any


@dataclass(slots=True)
class Money:
    """A charge of a user by a provider; `price` in kopecks or Stars."""

    provider: str
    id: str
    payment_id: int
    user: int
    price: int
    refunded: bool = False


def plain(image: Mapping[str, Any]) -> Plain:
    """Convert a DynamoDB item to Python values."""
    return {name: _value(value) for name, value in image.items()}


def _value(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    if kind == "N":
        return int(content)
    if kind == "M":
        return {name: _value(inner) for name, inner in content.items()}
    if kind == "L":
        return [_value(inner) for inner in content]
    return None if kind == "NULL" else content


def shown_status(order: Plain, now: int) -> str:
    """Compute the status of an order at a moment, independent of the stored one."""
    status: str = order["status"]
    if status in ("active", "expired"):
        due = order.get("answer_due_at")
        if due is not None and "responded_at" not in order and now >= due:
            return "closed_no_response"
        if now >= order["expires_at"]:
            return "expired"
    return status


def views(content: Any) -> list[Mapping[str, Any]]:
    """Return the orders that a response shows."""
    if not isinstance(content, Mapping):
        return []
    if "orders" in content:
        found: list[Mapping[str, Any]] = content["orders"]
        return found
    return [content] if "taken_by" in content else []


class Told:
    """A commit in a trace. Its text is made only when it is read."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit

    def __str__(self) -> str:
        return "; ".join(_told(key, old, new) for key, (old, new) in self._commit.items())


def _told(key: Key, old: Plain | None, new: Plain | None) -> str:
    """Describe a change in a trace."""
    name = f"{key[0][:20]}/{key[1]}"
    if new is None:
        return f"-{name}"
    if old is None:
        shown = {part: new[part] for part in ("amount", "balance_after", "order_id", "rating") if part in new}
        return f"+{name} {shown or ''}"
    changed = {part: new.get(part) for part in sorted(old.keys() | new.keys()) if old.get(part) != new.get(part)}
    return f"~{name} { ({part: value for part, value in changed.items() if not part.startswith('list')}) }"


def wrong_list(answer: Answer, expected: list[Any]) -> str | None:
    """Return what is wrong with a list whose exact ids are known; None if nothing is."""
    content = answer.json
    listed = content
    if isinstance(content, Mapping):
        [listed] = (
            content[name]
            for name in ("orders", "transactions", "actions", "complaints", "reviews", "threads")
            if name in content
        )
    ids = [entry["id" if "id" in entry else "user_id"] for entry in listed or []]
    if answer.status != 200 or ids != expected:
        return f"lists {ids}, there are {expected}: {answer.status}"
    if isinstance(content, Mapping) and content.get("total", len(expected)) != len(expected):
        return f"counts {content['total']}, there are {len(expected)}"
    return None


def wrong_listing(old: Plain | None, new: Plain) -> str | None:
    """Return what is wrong with what lists show of a changed order, and with its version; None if nothing is."""
    version = 1 if old is None else old["version"] + 1
    if new["version"] != version:
        return f"has the version {new['version']} after {version - 1}"
    runs = new["status"] in ("active", "expired") and "responded_at" not in new
    takes = sorted(new["takes"].items(), key=lambda take: take[1]["executor_count"])
    masked_comment = new.get("masked_review_comment")
    wanted = {
        **{name: new[name] for name in ("category", "city", "created_at", "expires_at", "status", "version")},
        "description": new["masked_description"] or new["description"],
        "is_masked": new["masked_description"] is not None,
        "takes": [[int(executor), take["taken_at"]] for executor, take in takes],
        "closes_at": new.get("answer_due_at") if runs else None,
        "responded_at": new.get("responded_at"),
        "rating": new.get("rating"),
        "review_comment": new.get("review_comment") if masked_comment is None else masked_comment,
        "is_removed": "removed_at" in new,
    }
    wanted = {name: value for name, value in wanted.items() if value}
    return None if new["listed"] == wanted else f"is listed as {new['listed']}, it is {wanted}"

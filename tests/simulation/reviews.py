"""Check reviews and the ratings that they make after every commit (I20, I21).

As in `invariants.py`, the rules are those of the marketplace: a review that no operator hid is shown by its order and
counts in its executor's rating, and no other one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.dynamodb import Key
from tests.simulation.records import Commit, Plain
from tests.simulation.world import World


class Reviews:
    """The ratings that each executor has. `items` is the checker's copy of the table, `forgotten` the erased users."""

    def __init__(self, world: World, items: Mapping[Key, Plain], forgotten: set[int]) -> None:
        self._world = world
        self._items = items
        self._forgotten = forgotten
        self.ratings: dict[int, list[int]] = defaultdict(list)

    def _broken(self, invariant: str, message: str) -> None:
        self._world.broken(invariant, message)

    def on_review(self, key: Key, old: Plain | None, new: Plain | None, commit: Commit) -> int:
        """Check one item's change; return the executor whose rating it touches."""
        if new is None:
            self._broken("I20", f"{key} was removed: {old}")
            return 0
        if old is not None:  # AuditLog checks the rest
            hidden = "hidden_at" in new
            if hidden and "hidden_at" not in old:
                self.ratings[new["executor_id"]].remove(new["rating"])
            if not hidden and "hidden_at" in old:
                self.ratings[new["executor_id"]].append(new["rating"])
            if (
                hidden is not ("hidden_at" in old)
                and (key[0], "ORDER") in self._items
                and (key[0], "ORDER") not in commit
            ):
                self._broken("I21", f"{key} was hidden or restored without its order")
            return int(new["executor_id"])
        order = self._items[key[0], "ORDER"]
        if new["client_id"] != order["client_id"] or str(new["executor_id"]) not in order["takes"]:
            self._broken("I20", f"{key} is by {new['client_id']} of {new['executor_id']}, who have no such order")
        if (key[0], "ORDER") not in commit:
            self._broken("I21", f"{key} came without its order's rating")
        self.ratings[new["executor_id"]].append(new["rating"])
        executor: int = new["executor_id"]
        return executor

    def on_order(self, key: Key, old: Plain, new: Plain, commit: Commit) -> None:
        """Check that the order shows its review, and none that is hidden."""
        order_id = key[0].partition("#")[2]
        if (old.get("rating"), old.get("review_comment")) != (new.get("rating"), new.get("review_comment")):
            before, review = commit.get((key[0], f"REVIEW#{new['client_id']}"), (None, None))
            erased = "review_comment" not in new and new["client_id"] in self._forgotten
            if erased and old.get("rating") == new.get("rating"):
                pass
            elif review is not None and "hidden_at" in review:
                if "rating" in new or "review_comment" in new or "hidden_at" in (before or {}):
                    self._broken("I21", f"order {order_id} shows {new.get('rating')}, its review is {review}")
            elif "rating" in old or review is None or review["rating"] != new["rating"]:
                self._broken("I20", f"order {order_id} shows the rating {new.get('rating')}, the review is {review}")

    def newest_first(self) -> list[Plain]:
        """All reviews, newest first."""
        reviews = [item for key, item in self._items.items() if key[1].startswith("REVIEW#")]
        return sorted(reviews, key=lambda review: (review["created_at"], review["id"]), reverse=True)

    def listed(self, removed: set[str]) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
        """Yield the expected content of each list of everybody's reviews: route, query, ids. `removed` are orders."""
        reviews = self.newest_first()
        public = [each for each in reviews if each["order_id"] not in removed and "hidden_at" not in each]
        everybody = [review["id"] for review in public]
        yield "GET /api/reviews", {}, everybody
        yield "GET /api/reviews", {"rating": 5}, [review["id"] for review in public if review["rating"] == 5]
        yield "GET /api/admin/reviews", {}, everybody
        yield "GET /api/admin/reviews", {"hidden": True}, [each["id"] for each in reviews if "hidden_at" in each]

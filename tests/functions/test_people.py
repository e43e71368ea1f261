"""What operators do with a person: find them, read what concerns them, note something, ban them for a time."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.admin import ban_user, erase_user, export_user
from shared.store import keys, table, users
from tests import api
from tests.conftest import OPERATOR, TABLE
from tests.contract.test_policies import LongContext
from tests.functions.test_admin import WHY, act, logged_actions, taken
from tests.in_process import Api

CLIENT, EXECUTOR, OTHER = 1, 2, 3
MINUTE = 60_000


def seen(service: Api, user: int, **names: str) -> None:
    """The user opens the WebApp under these names."""
    signed = api.init_data(user, service.now, **names)
    assert service.call("GET /api/users/me", headers={"authorization": f"tma {signed}"}).status == 200


def found(service: Api, query: str) -> list[int]:
    answer = service.call("GET /api/admin/users", user=OPERATOR, query={"query": query})
    assert answer.status == 200 or (answer.status, answer.json["code"]) == (404, "user_not_found")
    return sorted(answer.json["ids"]) if answer.status == 200 else []


def person(service: Api, user: int) -> Any:
    answer = service.call("GET /api/admin/users/{id}", user=OPERATOR, id=str(user), query=WHY)
    assert answer.status == 200, answer.text
    return answer.json


def note(service: Api, user: int, text: str, operator: int = OPERATOR) -> api.Answer:
    return service.call("POST /api/admin/users/{id}/notes", user=operator, id=str(user), body={"text": text})


def until(service: Api, ms: int) -> str:
    return datetime.fromtimestamp((service.now + ms) / 1000, UTC).isoformat()


# ---------------------------------------------------------------- finding


def test_person_is_found_by_id_and_by_name(service: Api) -> None:
    seen(service, CLIENT, username="Anna_P")
    seen(service, OTHER)
    assert [found(service, query) for query in ("1", "@anna_p", "ANNA_P", " Anna_P ")] == [[CLIENT]] * 4
    assert found(service, str(OTHER)) == [OTHER]
    for nobody in ("77", "@anna", "anna_p2", "#3", "@#3", "Анна", "0", "9" * 16):
        assert found(service, nobody) == []


def test_person_is_found_by_the_newest_name(service: Api) -> None:
    """Also where a command learns of the name first, and where the name is gone."""
    seen(service, CLIENT, username="anna_p")
    signed = api.init_data(CLIENT, service.now, username="anna_new")
    body = {"enabled": True}
    headers = {"authorization": f"tma {signed}"}
    assert service.call("PUT /api/users/me/notification-settings", headers=headers, body=body).status == 200
    assert (found(service, "anna_p"), found(service, "anna_new")) == ([], [CLIENT])
    seen(service, CLIENT)
    assert found(service, "anna_new") == []


def test_name_that_moved_finds_both_people(service: Api) -> None:
    """The first one has not been seen since: nobody told the service that the name is gone."""
    for user in (CLIENT, OTHER):
        seen(service, user, username="anna_p")
    assert found(service, "anna_p") == [CLIENT, OTHER]
    seen(service, CLIENT)
    assert found(service, "anna_p") == [OTHER]


def test_user_from_before_the_list_is_listed_at_a_visit(service: Api) -> None:
    seen(service, CLIENT, username="anna_p")
    table.update(keys.user(CLIENT), "SET timeline_pk = :other", {":other": "x"})
    seen(service, CLIENT, username="anna_p")
    assert found(service, "anna_p") == [CLIENT]


# ---------------------------------------------------------------- a person's page


def test_persons_page_has_what_concerns_them(service: Api) -> None:
    order = taken(service, "@burst_pipe", EXECUTOR)
    service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order)
    review = {"order_id": order, "rating": 4, "comment": "Звоните @burst_pipe"}
    assert service.call("POST /api/reviews/client", user=CLIENT, body=review).status == 200
    complaint = {"order_id": order, "complaint": "Другое", "comment": "Пишите @burst_pipe"}
    assert service.call("POST /api/reviews/executor", user=EXECUTOR, body=complaint).status == 200
    assert note(service, EXECUTOR, "Звонила, обещал извиниться").status == 200

    client, executor = person(service, CLIENT), person(service, EXECUTOR)
    for side, other in ((client, executor), (executor, client)):
        assert "burst_pipe" not in json.dumps(side)
        assert side["id"] != other["id"]
    assert (
        [order["id"] for order in client["orders_posted"]]
        == [order]
        == [order["id"] for order in executor["orders_taken"]]
    )
    assert (
        [each["rating"] for each in client["reviews_by"]]
        == [4]
        == [each["rating"] for each in executor["reviews_about"]]
    )
    assert (
        [each["complaint"] for each in executor["complaints_by"]]
        == ["Другое"]
        == [each["complaint"] for each in client["complaints_about"]]
    )
    assert client["complaints_by"] == executor["complaints_about"] == []
    assert (executor["rating"], executor["rating_count"], executor["completed_orders"]) == (4, 1, 1)
    assert [entry["amount"] for entry in executor["transactions"]] == [-2, 10]
    assert [each["text"] for each in executor["notes"]] == ["Звонила, обещал извиниться"]
    assert (client["ban"], client["notes"]) == (None, [])
    assert ("person_read", CLIENT, None) in [
        (action["kind"], action["user_id"], action["order_id"])
        for action in service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    ]


def test_unknown_person_has_no_page(service: Api) -> None:
    answer = service.call("GET /api/admin/users/{id}", user=OPERATOR, id="77", query=WHY)
    assert (answer.status, answer.json["code"]) == (404, "user_not_found")
    assert service.call("GET /api/admin/users/{id}", user=OPERATOR, id="77").status == 422


# ---------------------------------------------------------------- notes


def test_note_is_added_once_and_named(service: Api) -> None:
    service.recharge(CLIENT)
    for text in ("Звонила", "Звонила", "Не берёт трубку"):
        assert note(service, CLIENT, text).status == 200
    texts = [(each["text"], each["operator_id"]) for each in person(service, CLIENT)["notes"]]
    assert texts == [("Не берёт трубку", OPERATOR), ("Звонила", OPERATOR)]
    actions = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    assert [action["kind"] for action in actions].count("note_added") == 2
    assert "Звонила" not in json.dumps(actions, ensure_ascii=False)


def test_notes_have_a_limit_and_need_a_known_person(service: Api) -> None:
    service.recharge(CLIENT)
    assert [note(service, CLIENT, f"Заметка {number}").status for number in range(51)] == [200] * 50 + [409]
    unknown = note(service, 77, "Никого")
    assert (unknown.status, unknown.json["code"]) == (404, "user_not_found")
    own = note(service, OPERATOR, "Хороший человек")
    assert (own.status, own.json["code"]) == (403, "own_case")


@pytest.mark.parametrize("by_operator", [False, True])
def test_notes_and_name_are_exported_and_erased(service: Api, by_operator: bool) -> None:
    seen(service, CLIENT, username="anna_p")
    note(service, CLIENT, "Не открывает дверь")
    act(service, "users/{id}/ban", CLIENT)
    letter = {"user_id": CLIENT, "operator_id": OPERATOR, **WHY}
    exported = (
        export_user.handler(letter, api.Context())
        if by_operator
        else service.call("GET /api/users/me/export", user=CLIENT).json
    )
    assert [each["text"] for each in exported["operator_notes"]] == ["Не открывает дверь"]
    assert exported["ban_reason"] == WHY["reason"]
    if by_operator:
        erase_user.handler(letter, LongContext())
    else:
        assert service.call("DELETE /api/users/me", user=CLIENT).status == 204
    left = json.dumps(table.client().scan(TableName=TABLE)["Items"], ensure_ascii=False)
    assert "anna_p" not in left
    assert "Не открывает дверь" not in left
    assert (found(service, "anna_p"), users.get(CLIENT).ban_reason) == ([], None)
    assert users.get(CLIENT).is_banned(service.now)


# ---------------------------------------------------------------- bans with an end


def test_ban_ends_by_itself(service: Api) -> None:
    """No timer runs: every read and every write compares the end with the clock."""
    service.recharge(CLIENT)
    answer = act(service, "users/{id}/ban", CLIENT, until=until(service, 10 * MINUTE))
    assert answer.json["banned_until"] is not None
    assert person(service, CLIENT)["ban"]["reason"] == WHY["reason"]
    posted = {"category": "Клининг", "city": "Казань", "description": "Потоп: убрать воду и просушить"}
    for wait, status in ((0, 403), (10 * MINUTE - 1, 403), (1, 201)):
        service.later(ms=wait)
        body = {**posted, "contact": "@burst_pipe"}
        assert service.call("POST /api/orders", user=CLIENT, body=body).status == status
    assert person(service, CLIENT)["ban"] is None
    assert act(service, "users/{id}/unban", CLIENT).json["banned_at"] is None
    assert [kind for kind, _, _ in logged_actions_of_bans(service)] == ["user_banned"]
    assert act(service, "users/{id}/ban", CLIENT).json["banned_until"] is None
    assert service.call("PUT /api/users/me/notification-settings", user=CLIENT, body={"enabled": True}).status == 403


def test_second_ban_replaces_the_end(service: Api) -> None:
    service.recharge(CLIENT)
    ends = [until(service, 10 * MINUTE), until(service, 20 * MINUTE), until(service, 20 * MINUTE), None]
    told = [act(service, "users/{id}/ban", CLIENT, until=end).json["banned_until"] for end in ends]
    assert (told[1], told[2] == told[1], told[3]) == (told[1], True, None)
    assert [kind for kind, _, _ in logged_actions(service)] == ["user_banned"] * 3
    lifted = act(service, "users/{id}/unban", CLIENT).json
    assert (lifted["banned_at"], lifted["banned_until"]) == (None, None)


@pytest.mark.parametrize(
    "end",
    [
        "",
        "завтра",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "2001-01-01T00:00:00Z",
        # These two are in the year 10000 in UTC.
        "9999-12-31T23:59:59-23:59",
        "9999-12-31T23:59:59.999999Z",
        5,
        True,
        [],
    ],
)
def test_ban_with_a_wrong_end_is_refused(service: Api, end: Any) -> None:
    answer = act(service, "users/{id}/ban", CLIENT, until=end)
    assert (answer.status, answer.json["detail"][0]["loc"]) == (422, ["body", "until"])
    assert logged_actions(service) == []


def test_direct_ban_has_an_end_too(service: Api) -> None:
    event = {"user_id": CLIENT, "operator_id": OPERATOR, "until": until(service, MINUTE), **WHY}
    assert ban_user.handler(event, api.Context())["banned_until"] is not None
    assert users.get(CLIENT).banned_until == service.now + MINUTE


def logged_actions_of_bans(service: Api) -> list[tuple[str, int | None, str | None]]:
    return [action for action in logged_actions(service) if action[0].startswith("user_")]

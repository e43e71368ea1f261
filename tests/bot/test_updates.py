"""The kinds of updates."""

from typing import Any

import pytest

from shared.bot.updates import kind_of


@pytest.mark.parametrize(
    ("update", "kind"),
    [
        ({"update_id": 1, "message": {"text": "/start order_abc"}}, "/start"),
        ({"update_id": 1, "message": {"text": "/Start@urgent_bot order_abc"}}, "/start"),
        ({"update_id": 1, "message": {"text": "/start", "successful_payment": {}}}, "successful_payment"),
        ({"update_id": 1, "message": {"text": "see /start"}}, "message"),
        ({"update_id": 1, "message": {"text": " "}}, "message"),
        ({"update_id": 1, "message": {"text": "a@b.ru", "reply_to_message": {"from": {"is_bot": True}}}}, "reply"),
        ({"update_id": 1, "message": {"photo": [], "reply_to_message": {"from": {"is_bot": True}}}}, "reply"),
        ({"update_id": 1, "message": {"text": "/help", "reply_to_message": {"from": {"is_bot": True}}}}, "/help"),
        ({"update_id": 1, "message": {"text": "a@b.ru", "reply_to_message": {"from": {"is_bot": False}}}}, "message"),
        ({"update_id": 1, "message": {"text": "a@b.ru", "reply_to_message": {}}}, "message"),
        ({"update_id": 1, "message": {"text": "a@b.ru", "reply_to_message": None}}, "message"),
        ({"update_id": 1, "message": {"text": "a", "chat": {"type": "private"}}}, "message"),
        ({"update_id": 1, "message": {"text": "a", "chat": {"type": "group"}}}, "group message"),
        ({"update_id": 1, "message": {"text": "/help", "chat": {"type": "supergroup"}}}, "group message"),
        ({"update_id": 1, "message": {"refunded_payment": {}, "chat": {"type": "group"}}}, "refunded_payment"),
        ({"update_id": 1, "callback_query": {"data": "/start"}}, "callback_query"),
        ({"update_id": 1}, ""),
    ],
)
def test_kind_of_an_update(update: dict[str, Any], kind: str) -> None:
    assert kind_of(update)[0] == kind

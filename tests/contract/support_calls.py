"""Run the functions of support threads on every path that makes a different call: tests/contract/test_policies.py."""

from typing import Any

from functions.notifications import send_answer
from infra.local.fakes.telegram import FakeTelegram
from shared.aws import secrets
from shared.aws.queues import Queue
from tests.api import Context
from tests.conftest import OPERATOR, WEBHOOK_SECRET
from tests.in_process import Api


def keep_threads(calls: Any, service: Api, telegram: FakeTelegram, contexts: list[Context]) -> None:
    """Let a person write, edit and send a sticker; let operators read and answer; deliver the answer."""
    telegram.script.clear()
    photo, headers = telegram.photo(), {"x-telegram-bot-api-secret-token": WEBHOOK_SECRET}
    updates: list[tuple[str, int, dict[str, Any]]] = [
        ("message", 60, {"photo": photo}),
        ("edited_message", 60, {"photo": photo, "caption": "Вот чек"}),
        ("message", 60, {"sticker": {"file_id": "a"}}),
        ("message", OPERATOR, {"text": "/threads 30"}),
    ]
    for number, (kind, user, content) in enumerate(updates):
        said = {"message_id": 1, "from": {"id": user}, "chat": {"id": user, "type": "private"}, **content}
        calls.of("POST /api/telegram/webhook", body={"update_id": 300 + number, kind: said}, headers=headers)
    calls.of("GET /api/admin/threads", user=OPERATOR)
    calls.of("GET /api/admin/threads/{id}", user=OPERATOR, id="60")
    calls.of("GET /api/admin/threads/{id}/photos/{message_id}", user=OPERATOR, id="60", message_id=1)
    calls.by("SendAnswer")
    send_answer.handler({}, Context())
    act = {"action": "answer", "text": "Вернём", "key": "a-key-of-8", "seen": 0}
    calls.of("POST /api/admin/threads/{id}", user=OPERATOR, id="60", body=act)
    calls.of("PUT /api/users/me/notification-settings", user=60, body={"enabled": True})
    telegram.fail("sendMessage", status=403)
    for context in contexts:
        calls.by("nobody: this is the test looking")
        answer = {"user_id": 60, "key": "OUT#a-key-of-8", "due_at": service.now}
        event = service.received(Queue.ANSWERS, answer)
        secrets._provider.cache_clear()
        calls.by("SendAnswer")
        send_answer.handler(event, context)

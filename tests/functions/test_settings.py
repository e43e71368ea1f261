"""Preferences and notification settings: each user reads and writes only their own."""

from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.commands import users as user_commands
from shared.domain.order import CATEGORIES
from tests.in_process import Api
from tests.messages import EXECUTOR

PREFERENCES = "/api/users/me/preferences"
NOTIFICATIONS = "/api/users/me/notification-settings"
CITIES = ["Москва", "Казань", "Тверь", "Омск", "Томск", "Пермь", "Самара", "Уфа", "Тула", "Сочи", "Псков", "Рязань"]


def saved(service: Api, user: int) -> list[Any]:
    return [service.call(f"GET {path}", user=user).json for path in (PREFERENCES, NOTIFICATIONS)]


def test_saved_settings_are_read_by_their_user_only(service: Api) -> None:
    defaults = [{"categories": [], "cities": []}, {"enabled": False, "frequency": 10}]
    assert saved(service, 1) == defaults
    wanted = {"categories": ["Клининг", "Другое", "Клининг"], "cities": ["Казань"]}
    for body, path in ((wanted, PREFERENCES), ({"enabled": True}, NOTIFICATIONS), ({"frequency": 5}, NOTIFICATIONS)):
        answer = service.call(f"PUT {path}", user=1, body=body)
        assert (answer.status, answer.json) == (200, {"success": True})
    mine = [{"categories": ["Клининг", "Другое"], "cities": ["Казань"]}, {"enabled": True, "frequency": 5}]
    assert saved(service, 1) == mine
    assert saved(service, 2) == defaults
    service.call(f"PUT {PREFERENCES}", user=1, body={"categories": [], "cities": ["Омск"]})
    assert saved(service, 1) == [{"categories": [], "cities": ["Омск"]}, mine[1]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PREFERENCES, {"categories": [*CATEGORIES, *CATEGORIES[:4]], "cities": []}),
        (PREFERENCES, {"categories": [], "cities": [*CITIES, *CITIES[:9]]}),
        (PREFERENCES, {"categories": ["Маникюр"], "cities": []}),
        (PREFERENCES, {"categories": [], "cities": ["Урюпинск-на-Луне"]}),
        (PREFERENCES, {"categories": []}),
        (NOTIFICATIONS, {"frequency": 4}),
        (NOTIFICATIONS, {"frequency": 16}),
        (NOTIFICATIONS, {"enabled": 1}),
    ],
)
def test_invalid_settings_change_nothing(service: Api, path: str, body: dict[str, Any]) -> None:
    before = saved(service, 1)
    assert service.call(f"PUT {path}", user=1, body=body).status == 422
    assert saved(service, 1) == before


def test_the_largest_settings_are_saved(service: Api) -> None:
    for body in (
        {"categories": [*CATEGORIES, *CATEGORIES[:3]], "cities": [*CITIES, *CITIES[:8]]},
        {"frequency": 15},
    ):
        path = NOTIFICATIONS if "frequency" in body else PREFERENCES
        assert service.call(f"PUT {path}", user=1, body=body).status == 200


def test_notification_settings_show_if_the_bot_can_write(service: Api, bot: FakeTelegram) -> None:
    route = "PUT /api/users/me/notification-settings"

    def says(**names: Any) -> str:
        answer = service.call(route, user=EXECUTOR, body={"enabled": True}, names=names)
        assert answer.json == {"success": True}
        shown = service.call("GET /api/users/me/notification-settings", user=EXECUTOR, names=names)
        assert shown.headers["x-bot-can-write"] == answer.headers["x-bot-can-write"]
        return answer.headers["x-bot-can-write"]

    assert says() == "false"
    assert says(allows_write_to_pm=True) == "true"
    service.update(1, message={"chat": {"id": EXECUTOR, "type": "private"}, "text": "/start"})
    assert says() == "true"
    user_commands.save_chat(EXECUTOR, is_open=False)
    assert says(allows_write_to_pm=True) == "false"

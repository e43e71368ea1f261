"""Support in a real browser: a person writes in the fake Telegram, and an operator answers in the panel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.browser.conftest import PHONE, Open
from tests.browser.test_panel import HOSTILE, complaint
from tests.conftest import OPERATOR
from tests.integration.service import Service
from tests.integration.test_notifications import heard, telegram

if TYPE_CHECKING:
    from playwright.sync_api import Page

ASK = "Заплатил, а денег нет"


def say(chat: Page, person: int, text: str, *, button: str = "Написать боту") -> None:
    """Write to the bot as a person, on the page of the fake Telegram."""
    chat.locator("input[name=chat_id]").first.fill(str(person))
    chat.locator("input[name=text]").fill(text)
    with chat.expect_navigation():
        chat.get_by_role("button", name=button, exact=True).click()


def answer(page: Page, text: str) -> None:
    """Answer the thread that the panel shows, and wait until Telegram has the answer."""
    page.get_by_label("Ответ").fill(text)
    page.get_by_role("button", name="Ответить").click()
    page.get_by_role("status").filter(has_text="Ответ принят").wait_for()
    page.get_by_role("listitem").filter(has_text=text).wait_for()


def act(page: Page, label: str, report: str) -> None:
    """Press an action's button, read its effect, and run it."""
    page.get_by_role("button", name=label).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("0 ₽").wait_for()
    dialog.get_by_role("button", name=label).click()
    page.get_by_role("status").filter(has_text=report).wait_for()


def show(page: Page, person: int) -> None:
    """Open a thread in the panel, as it is now."""
    page.evaluate("location.hash = '#/threads'")
    page.get_by_role("heading", name="Обращения").wait_for()
    page.evaluate(f"location.hash = '#/threads/{person}'")
    page.get_by_role("heading", name=f"Обращение {person}").wait_for()
    page.locator(".messages li").first.wait_for()


def test_a_conversation_goes_through_panel_and_telegram(service: Service, open_panel: Open) -> None:
    """Six messages, one of them a photo; then the thread is closed, and each step is in the audit log."""
    order = complaint(service)
    person = order["executor"]
    chat = open_panel(None, page="/fakes/telegram/")
    say(chat, person, ASK)

    page = open_panel(section="threads")
    page.locator("tr", has_text=str(person)).get_by_role("link", name="открыть").click()
    page.get_by_role("listitem").filter(has_text=ASK).wait_for()
    recent = page.get_by_role("complementary")
    assert recent.get_by_role("link", name=order["id"]).count() == 2  # the take, and the complaint about it
    recent.get_by_text("Пополнение 100 ₽").wait_for()
    act(page, "Взять себе", "Обращение у вас")
    answer(page, "Пришлите, пожалуйста, чек")
    heard(service, person, "Пришлите, пожалуйста, чек")

    chat.reload()
    chat.get_by_text("Пришлите, пожалуйста, чек").wait_for()
    say(chat, person, "Вот чек", button="Прислать фото с подписью")
    show(page, person)
    page.get_by_role("button", name="Показать фото").click()
    photo = page.get_by_alt_text("Фото из обращения")
    assert str(photo.get_attribute("src")).startswith(f"blob:{service.url}/")
    page.wait_for_function("document.querySelector('.messages img').naturalWidth > 0")
    answer(page, "Спасибо, ищем платёж")
    heard(service, person, "Спасибо, ищем платёж")

    say(chat, person, "Жду")
    show(page, person)
    answer(page, "Деньги на балансе")
    heard(service, person, "Деньги на балансе")
    chat.reload()
    for said in (ASK, "Пришлите", "[фото] Вот чек", "Спасибо, ищем платёж", "Жду", "Деньги на балансе"):
        chat.locator(".message").filter(has_text=said).first.wait_for()

    page.get_by_role("button", name="Обновить").click()
    page.get_by_text("доставлено", exact=True).nth(2).wait_for()
    shown = [re.sub(r"\s+", " ", text) for text in page.locator(".messages li").all_inner_texts()]
    assert [text.split(",")[0] for text in shown] == ["Человек", f"Оператор {OPERATOR}"] * 3
    act(page, "Закрыть обращение", "Обращение закрыто")
    page.get_by_text("закрыто ").first.wait_for()
    logged = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    kinds = [action["kind"] for action in logged if action["user_id"] == person and action["kind"] != "thread_read"]
    assert kinds == ["thread_closed", *["thread_answered"] * 3, "thread_taken"]


def test_an_answer_that_did_not_arrive_is_shown(service: Service, open_panel: Open) -> None:
    """The person blocked the bot; also, what they wrote stays text, and a phone shows it."""
    person = service.user()
    chat = open_panel(None, page="/fakes/telegram/")
    say(chat, person, HOSTILE)
    heard(service, person, "оператор")
    with telegram(service) as http:
        block = {"method": "sendMessage", "status": 403, "match": {"chat_id": person}, "times": 10}
        assert http.post("/script", json=block).status_code == 204
    page = open_panel(size=PHONE, section=f"threads/{person}")
    page.get_by_role("listitem").filter(has_text="<script>alert(1)</script>").wait_for()
    answer(page, "Вы здесь?")

    def refresh() -> None:
        page.get_by_role("button", name="Обновить").click()

    for _ in range(100):
        refresh()
        if page.get_by_text("не доставлено: человек закрыл чат с ботом").count():
            break
        page.wait_for_timeout(200)
    page.locator("dl").get_by_text("ответ не дойдёт").wait_for()
    page.evaluate("location.hash = '#/threads/answered'")
    page.locator("tr", has_text=str(person)).get_by_text("ответ не дойдёт").wait_for()
    assert page.locator("main img, main script, main a[href^=http]").count() == 0
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    with telegram(service) as http:
        http.delete("/script")


def test_an_answer_repeated_after_a_lost_response_is_one(service: Service, open_panel: Open) -> None:
    person = service.user()
    with telegram(service) as http:
        http.post("/say", data={"chat_id": str(person), "text": ASK})
    page = open_panel(section=f"threads/{person}")
    page.locator(".messages li").first.wait_for()
    lost: list[str] = []

    def lose(route: object) -> None:
        if route.request.method == "POST" and not lost:  # type: ignore[attr-defined]
            lost.append(route.fetch().text())  # type: ignore[attr-defined]
            route.abort()  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    page.route(re.compile("/api/admin/threads/"), lose)
    page.get_by_label("Ответ").fill("Уже смотрим")
    page.get_by_role("button", name="Ответить").click()
    page.get_by_role("alert").filter(has_text="Нет связи").wait_for()
    page.get_by_role("button", name="Ответить").click()
    page.get_by_role("status").filter(has_text="Ответ принят").wait_for()
    heard(service, person, "Уже смотрим")
    said = service.call("GET /api/admin/threads/{id}", user=OPERATOR, id=str(person)).json["messages"]
    assert [message["text"] for message in said] == ["Уже смотрим", ASK]

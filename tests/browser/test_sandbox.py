"""The sandbox in a real browser: what happens on one phone arrives on the others by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infra.local.sandbox import EXECUTORS as PEOPLE
from tests.browser.conftest import PHONE, Open
from tests.integration.service import Service

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

CLIENT = "Анна"
*EXECUTORS, FOURTH = (str(person["first_name"]) for person in PEOPLE)
IDS = {str(person["first_name"]): int(str(person["id"])) for person in PEOPLE}
WIDE = (1600, 900)


def opened(open_panel: Open, size: tuple[int, int] = WIDE) -> Page:
    return open_panel(None, page="/", section=None, size=size)


def phone(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def tab(page: Page, name: str, title: str) -> Locator:
    """Open a tab of a phone; return the phone."""
    found = phone(page, name)
    found.get_by_role("navigation").get_by_role("button", name=title).click()
    return found


def order(page: Page, name: str, description: str) -> Locator:
    """The order in the tab that the phone shows."""
    return phone(page, name).get_by_role("article", name=description)


def post(page: Page, description: str) -> str:
    """Post an order as the client; return its contact."""
    form = tab(page, CLIENT, "Новый")
    form.get_by_label("Что случилось").fill(description)
    contact: str = form.get_by_label("Контакт").input_value()
    form.get_by_role("button", name="Разместить").click()
    order(page, CLIENT, description).wait_for()
    return contact


def purse(page: Page, name: str, roubles: int) -> None:
    """Wait until a phone shows this balance."""
    phone(page, name).locator(".purse").get_by_text(f"{roubles} ₽", exact=True).wait_for()


def top_up(service: Service, page: Page, name: str, provider: str = "Карта") -> int:
    """Top up by 100 ₽ through a fake; return the new balance."""
    balance = service.balance(IDS[name]) + 100
    found = tab(page, name, "Деньги")
    found.get_by_label("Способ").select_option(provider)
    found.get_by_role("button", name="Пополнить").click()
    found.get_by_role("button", name="Оплатить").click()
    found.get_by_text("Оплачено: 100 ₽").wait_for()
    purse(page, name, balance)
    return balance


def take(page: Page, name: str, description: str) -> Locator:
    """Take an order as an executor; return it as the executor's own list shows it."""
    tab(page, name, "Лента")
    order(page, name, description).get_by_role("button", name="Взять").click()
    order(page, name, description).get_by_text("Вы взяли этот заказ").wait_for()
    tab(page, name, "Мои")
    return order(page, name, description)


def test_an_order_is_followed_from_post_to_review(service: Service, open_panel: Open) -> None:
    page = opened(open_panel)
    text = "Прорвало трубу в подвале, вода на полу"  # other tests post another description
    contact = post(page, text)
    for name in EXECUTORS:
        order(page, name, text).wait_for()
    assert contact not in "".join(phone(page, name).inner_text() for name in EXECUTORS)

    order(page, EXECUTORS[0], text).get_by_role("button", name="Взять").click()
    order(page, EXECUTORS[0], text).get_by_role("alert").filter(has_text="Недостаточно средств").wait_for()
    providers = ("Карта", "Криптовалюта", "Звёзды Telegram")
    for number, (name, provider) in enumerate(zip(EXECUTORS, providers, strict=True), start=1):
        balance = top_up(service, page, name, provider)
        take(page, name, text).get_by_text(contact).wait_for()
        purse(page, name, balance - 2)
        order(page, CLIENT, text).get_by_label(f"Мест занято: {number} из 3").wait_for()
    order(page, EXECUTORS[0], text).get_by_label("Мест занято: 3 из 3").wait_for()
    page.get_by_role("button", name="Позвать четвёртого").click()
    balance = top_up(service, page, FOURTH)
    tab(page, FOURTH, "Лента")
    order(page, FOURTH, text).get_by_role("button", name="Взять").click()
    order(page, FOURTH, text).get_by_role("alert").filter(has_text="уже взяли три исполнителя").wait_for()
    assert contact not in phone(page, FOURTH).inner_text()
    assert service.balance(IDS[FOURTH]) == balance

    order(page, CLIENT, text).get_by_role("button", name="Я ответил").click()
    for name in EXECUTORS:
        order(page, name, text).get_by_text("клиент ответил").wait_for()
    order(page, CLIENT, text).get_by_role("button", name="Выполнено").click()
    for name in EXECUTORS:
        order(page, name, text).get_by_text("Выполнен").wait_for()
        tab(page, name, "Бот").get_by_text("отметил заказ").wait_for()
    review = order(page, CLIENT, text)
    review.get_by_label("Отзыв", exact=True).fill("Приехал за полчаса")
    review.get_by_role("button", name="Оставить отзыв").click()
    review.get_by_text("★★★★★").wait_for()
    phone(page, EXECUTORS[0]).get_by_text("рейтинг 5").wait_for()


def test_expiry_and_refund_arrive_by_themselves(service: Service, open_panel: Open) -> None:
    """With the switch on, an order lives for a minute, and its client has 15 seconds to respond."""
    page = opened(open_panel)
    switch = page.get_by_role("switch")
    with page.expect_response(re.compile("/sandbox/clock")):
        switch.click()
    page.locator("[role=switch]:checked:enabled").wait_for()
    silent, unwanted = "Не открывается дверь, заело замок", "Искрит розетка в детской комнате"
    balance = top_up(service, page, EXECUTORS[0])
    post(page, silent)
    taken = take(page, EXECUTORS[0], silent)
    purse(page, EXECUTORS[0], balance - 2)
    post(page, unwanted)
    tab(page, EXECUTORS[1], "Лента")
    order(page, EXECUTORS[1], unwanted).wait_for()

    taken.get_by_text("деньги вернулись").wait_for()
    order(page, CLIENT, silent).get_by_text("Закрыт без ответа").wait_for()
    purse(page, EXECUTORS[0], balance)
    tab(page, EXECUTORS[0], "Деньги").get_by_text("Возврат +2 ₽").first.wait_for()
    tab(page, EXECUTORS[0], "Бот").get_by_text("закрыт без ответа клиента").first.wait_for()
    order(page, CLIENT, unwanted).get_by_text("Время вышло").wait_for()
    order(page, EXECUTORS[1], unwanted).wait_for(state="detached")
    assert order(page, CLIENT, unwanted).get_by_role("button").count() == 0
    switch.click()
    page.locator("[role=switch]:enabled:not(:checked)").wait_for()


def test_a_reload_in_the_middle_loses_nothing(service: Service, open_panel: Open) -> None:
    page = opened(open_panel)
    text = "Нужно собрать шкаф до прихода гостей"
    contact = post(page, text)
    for name in EXECUTORS[:2]:
        top_up(service, page, name)
    take(page, EXECUTORS[0], text)
    page.reload()
    order(page, CLIENT, text).get_by_label("Мест занято: 1 из 3").wait_for()
    tab(page, EXECUTORS[0], "Мои")
    order(page, EXECUTORS[0], text).get_by_text(contact).wait_for()
    take(page, EXECUTORS[1], text).get_by_text(contact).wait_for()
    order(page, CLIENT, text).get_by_label("Мест занято: 2 из 3").wait_for()
    page.reload()
    order(page, CLIENT, text).get_by_role("button", name="Закрыть").click()
    order(page, CLIENT, text).get_by_text("Закрыт без ответа").wait_for()
    tab(page, EXECUTORS[1], "Деньги").get_by_text("Возврат +2 ₽").first.wait_for()


def test_two_tabs_of_one_person_show_the_same(service: Service, open_panel: Open) -> None:
    first, second = opened(open_panel), opened(open_panel)
    text = "Потёк кран в ванной, нужен сантехник"
    contact = post(first, text)
    order(second, CLIENT, text).wait_for()
    balance = top_up(service, second, EXECUTORS[0])
    take(second, EXECUTORS[0], text)
    tab(first, EXECUTORS[0], "Мои")
    order(first, EXECUTORS[0], text).get_by_text(contact).wait_for()
    purse(first, EXECUTORS[0], balance - 2)
    order(second, CLIENT, text).get_by_role("button", name="Выполнено").click()
    order(first, CLIENT, text).get_by_text("Выполнен").first.wait_for()


def test_hostile_text_is_shown_as_it_is(open_panel: Open) -> None:
    page = opened(open_panel)
    text = "<script>alert(1)</script><img src=x onerror=alert(2)> javascript:alert(3)"
    post(page, text)
    assert "<script>alert(1)</script>" in order(page, EXECUTORS[0], text).inner_text()
    said = tab(page, CLIENT, "Бот")
    said.get_by_label("Сообщение боту").fill(text)
    said.get_by_role("button", name="Написать боту").click()
    said.locator(".message.from").get_by_text("onerror").wait_for()
    assert page.locator("main img, main script, main a[href^=javascript]").count() == 0


def test_every_tab_has_an_empty_view_and_an_error_view(open_panel: Open) -> None:
    page = opened(open_panel)
    nothing = {"orders": [], "total": 0, "transactions": [], "messages": [], "next_cursor": None}
    lists = re.compile(r"/api/orders\?|/api/balance/transactions|/fakes/telegram/chats")
    page.route(lists, lambda route: route.fulfill(json=nothing))
    page.reload()
    phone(page, CLIENT).get_by_text("Заказов ещё нет").wait_for()
    for title, words in (
        ("Лента", "сейчас нет"),
        ("Мои", "ничего не брали"),
        ("Деньги", "Движений"),
        ("Бот", "не писал"),
    ):
        tab(page, EXECUTORS[0], title).get_by_text(words).wait_for()
    page.unroute(lists)
    page.route(re.compile("/api/|/fakes/"), lambda route: route.abort())
    for name in (CLIENT, EXECUTORS[0]):
        phone(page, name).get_by_role("alert").filter(has_text="Нет связи").wait_for()
    phone(page, EXECUTORS[0]).get_by_role("alert").filter(has_text="Чат не читается").wait_for()
    page.unroute(re.compile("/api/|/fakes/"))
    phone(page, CLIENT).get_by_role("button", name="Повторить").click()
    phone(page, CLIENT).get_by_role("alert").wait_for(state="detached")
    page.route(re.compile("/sandbox/(people|clock)"), lambda route: route.fulfill(status=500))
    page.reload()
    page.get_by_role("alert").filter(has_text="Песочница не ответила").nth(1).wait_for()


def test_one_phone_is_shown_at_a_time_on_a_phone(open_panel: Open) -> None:
    page = opened(open_panel, PHONE)
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    for name, titles in ((CLIENT, ("Заказы", "Новый", "Бот")), (EXECUTORS[1], ("Лента", "Мои", "Деньги", "Бот"))):
        page.get_by_role("navigation", name="Телефоны").get_by_role("button", name=name).click()
        phone(page, name).wait_for()
        assert page.locator(".phone:visible").count() == 1
        for title in titles:
            tab(page, name, title)
            assert not page.evaluate(wide), title

"""The panel in a real browser: who may use it, hostile text, keyboard, phone and desktop."""

from __future__ import annotations

import json
import os
import re
import statistics
import time
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.settings import LOCAL_WEBHOOK_SECRET
from tests.browser.conftest import DESKTOP, PHONE, Open
from tests.conftest import OPERATOR
from tests.integration.service import Service

if TYPE_CHECKING:
    from playwright.sync_api import Route

HOSTILE = (
    '<script>alert(1)</script><img src=x onerror=alert(2)> =HYPERLINK("http://evil.example") '
    "javascript:alert(3) \u202eтекст наоборот\u202c\u2066 http://evil.example/x "
)
LONGEST = HOSTILE + "ж" * 10_000

SECTIONS = (
    "overview",
    "threads",
    "threads/closed",
    "complaints",
    "complaints/handled",
    "reviews",
    "reviews/hidden",
    "payments",
    "log",
    "health",
)


def complaint(service: Service, **given: Any) -> dict[str, Any]:
    """A taken order with a complaint about it."""
    client, executor = service.user(), service.user()
    service.recharge(executor)
    order: dict[str, Any] = service.order(client, **given)
    assert service.take(executor, order["id"]).status == 200
    body = {"order_id": order["id"], "complaint": "Не отвечал", "comment": HOSTILE}
    assert service.call("POST /api/reviews/executor", user=executor, body=body).status == 200
    return order | {"client": client, "executor": executor}


def test_a_stranger_sees_a_sentence(service: Service, open_panel: Open) -> None:
    complaint(service)
    page = open_panel(service.user())
    page.get_by_text("Это может сделать только оператор").wait_for()
    assert page.locator("table").count() == 0


def test_a_visitor_without_credentials_sees_a_sentence(open_panel: Open) -> None:
    page = open_panel(None)
    page.get_by_text("Панель открывается кнопкой в боте").wait_for()
    assert page.locator("nav").count() == 0


def test_init_data_leaves_the_address_and_survives_a_reload(service: Service, open_panel: Open) -> None:
    complaint(service)
    page = open_panel()
    page.locator("table").wait_for()
    assert page.url == f"{service.url}/admin#/complaints"
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("localStorage.length") == 0
    page.get_by_role("link", name="Журнал").click()
    page.get_by_role("heading", name="Журнал действий").wait_for()
    page.reload()
    page.get_by_role("heading", name="Журнал действий").wait_for()
    assert "tgWebAppData" not in page.url


def test_hostile_text_is_shown_as_text(service: Service, open_panel: Open) -> None:
    """Also 10 000 characters, which no field accepts: whatever the API says, the page runs and links none of it."""
    order = complaint(service, description=f"Прорвало трубу на кухне {HOSTILE}")
    page = open_panel()

    def lengthen(route: Route) -> None:
        answer = route.fetch()
        listed = answer.json()
        for each in listed["complaints"]:
            each["comment"] = LONGEST
        route.fulfill(response=answer, body=json.dumps(listed))

    page.route(re.compile("/api/admin/complaints"), lengthen)
    page.goto(f"{service.url}/admin?signed-in#/complaints")
    page.locator("table").wait_for()
    shown = page.locator("bdi.text").first
    assert "<script>alert(1)</script>" in shown.inner_text()
    assert len(shown.inner_text()) > 10_000
    for control in "\u202e\u202c\u2066":
        assert control not in page.content()
    page.evaluate(f"location.hash = '#/orders/{order['id']}'")
    page.get_by_role("heading", name=f"Заказ {order['id']}").wait_for()
    assert "<script>alert(1)</script>" in page.locator("dl bdi.text").first.inner_text()
    assert page.locator("main img, main script, main a[href^=http], main a[href^=javascript]").count() == 0


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")])
def test_no_section_is_wider_than_the_screen(service: Service, open_panel: Open, size: Any, scheme: str) -> None:
    order = complaint(service)
    page = open_panel(size=size, scheme=scheme)
    for section in (*SECTIONS, f"orders/{order['id']}", f"people/{order['client']}"):
        page.evaluate(f"location.hash = '#/{section}'")
        page.locator("h1").wait_for()
        page.locator("[aria-busy=true]").wait_for(state="detached")
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(wide), section
        assert page.locator("[role=alert]").count() == 0, section


def test_the_overview_shows_and_saves_the_stats(service: Service, open_panel: Open) -> None:
    """The charts are drawn, the open days are marked, and the CSV is the API's."""
    complaint(service)
    page = open_panel(section="overview")
    page.locator("canvas").first.wait_for()
    assert page.locator("canvas").count() == 4
    assert int(page.locator(".figures dd").first.inner_text()) > 0
    page.get_by_text("Таблица по дням").click()
    shown = [row.inner_text() for row in page.locator("details tbody tr").all()]
    query = {"from": shown[-1].split()[0], "to": shown[0].split()[0]}
    days = service.call("GET /api/admin/stats", user=OPERATOR, query=query).json["days"]
    assert [(day["day"], day["open"]) for day in reversed(days)] == [
        (row.split()[0], "ещё изменится" in row) for row in shown
    ]
    with page.expect_download() as saved:
        page.get_by_role("link", name="Скачать CSV").click()
    head, *lines, total = saved.value.path().read_text().splitlines()
    assert (head.split(",")[:3], len(lines)) == (["day", "open", "posted"], 35)
    # Each instance of the function keeps today's figures for a minute, so two requests may differ by what is new.
    assert (total.split(",")[0], int(total.split(",")[2]) > 0) == ("total", True)
    page.get_by_label("Город").fill("Нет такого города")
    page.get_by_role("button", name="Показать").click()
    page.get_by_role("alert").wait_for()


def test_the_overview_shows_hours_and_sources(service: Service, open_panel: Open) -> None:
    """The 24 hours have the orders of the period; the page warns of small numbers."""
    complaint(service)
    page = open_panel(section="overview")
    page.get_by_text("По часам и источникам").click()
    page.get_by_text("не показывайте эти таблицы посторонним").wait_for()
    hours = page.locator("details").last.locator("tbody tr")
    assert hours.count() == 24
    posted = sum(int(cell) for cell in hours.locator('td[data-label="Размещено"]').all_inner_texts())
    assert posted > 0
    titles = page.locator("details .figures dt").all_inner_texts()
    assert {"Отклики из списка", "Отклики из сообщений бота", "Отклики по ссылке"} < set(titles)


def test_the_link_of_the_bot_opens_the_panel_once(service: Service, open_panel: Open) -> None:
    """The code is spent, leaves the address, and opens nothing a second time."""
    service.call(
        "POST /api/telegram/webhook",
        body={
            "update_id": 70,
            "message": {
                "message_id": 1,
                "date": 1,
                "chat": {"id": OPERATOR, "type": "private"},
                "from": {"id": OPERATOR, "is_bot": False, "first_name": "Оператор"},
                "text": "/admin",
            },
        },
        headers={"x-telegram-bot-api-secret-token": LOCAL_WEBHOOK_SECRET},
    )
    calls = service.call("GET /fakes/telegram/calls").json["calls"]
    [code] = re.findall(r"#code=([\w-]{22})", json.dumps(calls))
    page = open_panel(None, page=f"/admin?signed-in#code={code}", section=None)
    page.get_by_role("heading", name="За период").wait_for()
    assert page.url == f"{service.url}/admin"
    again = open_panel(None, page=f"/admin?signed-in#code={code}", section=None)
    again.get_by_role("alert").wait_for()
    assert again.locator("nav").count() == 0


def test_a_person_is_found_by_name(service: Service, open_panel: Open) -> None:
    person = service.user()
    service.call("GET /api/users/me", user=person, names={"username": f"Finder_{person}"})
    page = open_panel()
    search = page.get_by_role("searchbox")
    search.fill(f"@finder_{person}")
    search.press("Enter")
    page.get_by_role("heading", name=f"Человек {person}").wait_for()
    search.fill("@nobody_has_it")
    search.press("Enter")
    page.get_by_role("alert").wait_for()


def test_twelve_characters_are_an_order_or_a_name(service: Service, open_panel: Open) -> None:
    """A username without @ may be as long as an order's id."""
    person, order = service.user(), complaint(service)["id"]
    name = f"u_{person}"
    service.call("GET /api/users/me", user=person, names={"username": name})
    page = open_panel()
    search = page.get_by_role("searchbox")
    for typed, found in ((name, f"Человек {person}"), (order, f"Заказ {order}")):
        assert len(typed) == 12
        search.fill(typed)
        search.press("Enter")
        page.get_by_role("heading", name=found).wait_for()
    search.fill("nobody_has_1")
    search.press("Enter")
    page.get_by_role("alert").wait_for()


def test_health_says_how_each_queue_is_redriven(open_panel: Open) -> None:
    """A command, or the button of a queue that has something: this one is empty."""
    page = open_panel(section="health")
    for queue, commands in (("NotificationDeadLetters", 0), ("StreamDeadLetters", 1), ("TimerDeadLetters", 1)):
        row = page.locator("tr").filter(has=page.get_by_role("cell", name=queue, exact=True))
        row.wait_for()
        assert row.locator("code").filter(has_text="make redrive").count() == commands


def test_an_action_runs_from_the_keyboard(service: Service, open_panel: Open) -> None:
    """A button opens the dialog, Escape closes it, and nothing runs without a reason."""
    order = complaint(service)
    page = open_panel()
    page.evaluate(f"location.hash = '#/orders/{order['id']}'")
    button = page.get_by_role("button", name="Закрыть жалобу")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    dialog.get_by_role("button", name="Закрыть жалобу").focus()
    page.keyboard.press("Enter")
    assert dialog.is_visible()
    dialog.get_by_label("Причина").fill("Поговорили с клиентом")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="закрыта").wait_for()
    logged = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"][0]
    assert (logged["kind"], logged["reason"]) == ("complaint_handled", "Поговорили с клиентом")


def slowness() -> float:
    """How many times longer a computation takes now than on an idle machine."""
    started, computed = time.perf_counter(), time.process_time()
    while time.process_time() < computed + 0.1:
        pass
    return (time.perf_counter() - started) / (time.process_time() - computed)


def test_the_first_page_is_there_within_a_second(open_panel: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """The median of five, each in a new context: on an idle machine, with functions that have started.

    On a busy machine it may take longer in proportion, as a computation does.
    """
    took, slow = [], []
    for _ in range(6):
        page = open_panel(section=None)
        page.get_by_role("heading", name="За период").wait_for()
        took.append(page.evaluate("performance.now()"))
        slow.append(slowness())
    median, slower = statistics.median(took[1:]), statistics.median(slow[1:])
    with capsys.disabled():
        print(f"\nFirst page: median {median:.0f} ms, on a machine {slower:.1f} times slower than an idle one")
    assert median < 1000 * max(1.0, slower, os.getloadavg()[0] / (os.cpu_count() or 1)), took


def test_the_api_page_needs_no_other_host(open_panel: Open) -> None:
    page = open_panel(None, page="/docs")
    page.locator(".opblock").first.wait_for()
    assert page.locator(".opblock").count() > 30

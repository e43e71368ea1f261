"""Write the pictures of README.md and docs/operators.md: `make screenshots`. They show made-up people of a service."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests import api
from tests.api import ROOT
from tests.browser import test_sandbox as sandbox
from tests.browser.chromium import chromium
from tests.conftest import OPERATOR
from tests.integration.service import Service, now_ms, running
from tests.integration.test_notifications import telegram

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = ROOT / "docs" / "operators"
SANDBOX = ROOT / "docs" / "sandbox.png"

ANNA = {"first_name": "Анна", "last_name": "Петрова", "username": "anna_petrova_spb"}


def story(service: Service) -> dict[str, str]:
    """Make up a day; return the address of each page, by its name."""
    client, first, second = service.user(), service.user(), service.user()
    service.call("GET /api/users/me", user=client, names=ANNA)
    for executor in (first, second):
        service.recharge(executor)
    orders = [
        service.order(client, description=text, category=category)["id"]
        for text, category in (
            ("Прорвало трубу на кухне, вода на полу", "Сантехника"),
            ("Не открывается входная дверь, заело замок", "Бытовой ремонт"),
            ("Искрит розетка в детской, нужен электрик", "Электрика"),
        )
    ]
    for order in orders:
        service.take(first, order)
    service.take(second, orders[0])
    for executor, order, kind, comment in (
        (first, orders[0], "Не отвечал", "Звонил три раза за десять минут"),
        (first, orders[1], "Ложная информация", "По адресу другая квартира"),
        (second, orders[0], "Отменил заказ", None),
    ):
        body = {"order_id": order, "complaint": kind, **({"comment": comment} if comment else {})}
        service.call("POST /api/reviews/executor", user=executor, body=body)
    service.call("POST /api/orders/{id}/respond", user=client, id=orders[0])
    service.call("POST /api/orders/{id}/complete", user=client, id=orders[0])
    review = {"order_id": orders[0], "executor_id": second, "rating": 5, "comment": "Приехал за полчаса, всё починил"}
    service.call("POST /api/reviews/client", user=client, body=review)
    body = {"executor_id": first, "reason": "Клиент не брал трубку"}
    service.call("POST /api/admin/orders/{id}/refund", user=OPERATOR, id=orders[0], body=body)
    with telegram(service) as http:
        for text, photo in (("Оплатила 100 ₽, а баланс не изменился", ""), ("Вот чек", "1")):
            http.post("/say", data={"chat_id": str(second), "text": text, **({"photo": photo} if photo else {})})
    service.call("GET /api/users/me", user=second, names={"first_name": "Ольга", "last_name": "Седова"})
    note = {"text": "Предупреждена о правилах 12 октября"}
    service.call("POST /api/admin/users/{id}/notes", user=OPERATOR, id=str(client), body=note)
    return {
        "overview": "overview",
        "threads": f"threads/{second}",
        "complaints": "complaints",
        "order": f"orders/{orders[0]}",
        "person": f"people/{client}",
        "reviews": "reviews",
        "payments": "payments",
        "log": "log",
        "health": "health",
    }


def play(service: Service, page: Page) -> None:
    """Let two executors take an order in the sandbox, and show another phone's chat and list."""
    first, second, third = sandbox.EXECUTORS
    text = "Прорвало трубу на кухне, вода на полу"
    sandbox.post(page, text)
    for name, provider in ((first, "Карта"), (second, "Криптовалюта")):
        sandbox.top_up(service, page, name, provider)
        sandbox.take(page, name, text).locator(".contact").wait_for()
    for name in (sandbox.CLIENT, first, third):
        sandbox.order(page, name, text).get_by_label("Мест занято: 2 из 3").wait_for()
    sandbox.tab(page, second, "Деньги").get_by_text("Заказ −2 ₽").wait_for()


def main() -> None:
    """Open the sandbox and each page of the panel, then the dialog of an action, and a phone in the dark."""
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        running(Path(home), OPERATOR_IDS=str(OPERATOR)) as service,
        chromium() as browser,
    ):
        phones = browser.new_page(viewport={"width": 1280, "height": 720}, locale="ru-RU")
        phones.set_default_timeout(120_000)
        phones.goto(service.url)
        play(service, phones)
        phones.screenshot(path=SANDBOX, animations="disabled")
        phones.close()
        pages = story(service)
        signed_in = f"{service.url}/admin?signed-in#tgWebAppData="
        init_data = api.init_data(OPERATOR, now_ms()).replace("%", "%25").replace("&", "%26").replace("=", "%3D")
        page = browser.new_page(viewport={"width": 880, "height": 560}, locale="ru-RU")
        page.goto(signed_in + init_data)
        for name, address in pages.items():
            page.evaluate(f"location.hash = '#/{address}'")
            page.locator("h1").wait_for()
            if name == "person":
                page.get_by_label("Причина просмотра").fill("Две жалобы за день")
                page.get_by_role("button", name="Показать").click()
                page.locator("dl").wait_for()
            page.locator("main [aria-busy=true]").wait_for(state="detached")
            page.screenshot(path=PICTURES / f"{name}.png")
        page.evaluate(f"location.hash = '#/{pages['person']}'")
        page.get_by_role("button", name="Заблокировать").click()
        page.wait_for_timeout(500)  # the dialog fades in
        page.screenshot(path=PICTURES / "ban.png")
        phone = browser.new_page(viewport={"width": 360, "height": 640}, locale="ru-RU", color_scheme="dark")
        phone.goto(signed_in + init_data)
        phone.evaluate("location.hash = '#/complaints'")
        phone.locator("table").wait_for()
        phone.screenshot(path=PICTURES / "phone.png")
    print(f"Wrote {SANDBOX.relative_to(ROOT)}, and {len(pages) + 2} pictures to {PICTURES.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()

"""An operator's shift in a real browser: from a complaint to a refund, a ban and a hidden review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.conftest import SECOND_OPERATOR, Open
from tests.browser.test_panel import complaint
from tests.conftest import OPERATOR
from tests.integration.service import Service
from tests.integration.test_payments import invoice, press

if TYPE_CHECKING:
    from playwright.sync_api import Page


def act(page: Page, label: str, reason: str, *, effect: str, report: str) -> None:
    """Press an action's button, read its effect, give a reason, run it and read the report."""
    page.get_by_role("button", name=label).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(effect).wait_for()
    dialog.get_by_label("Причина").fill(reason)
    dialog.get_by_role("button", name=label).click()
    dialog.wait_for(state="hidden")
    page.get_by_role("status").filter(has_text=report).wait_for()


def test_a_shift_goes_from_a_complaint_to_a_hidden_review(service: Service, open_panel: Open) -> None:
    order = complaint(service)
    client, executor = order["client"], order["executor"]
    assert service.call("POST /api/orders/{id}/respond", user=client, id=order["id"]).status == 200
    assert service.call("POST /api/orders/{id}/complete", user=client, id=order["id"]).status == 200
    review = {"order_id": order["id"], "rating": 1, "comment": "Грубил"}
    assert service.call("POST /api/reviews/client", user=client, body=review).status == 200
    other = service.order(client)
    assert service.take(executor, other["id"]).status == 200
    balance = service.balance(executor)

    page = open_panel()
    page.get_by_role("row", name=order["id"]).get_by_role("link", name=order["id"]).click()
    page.get_by_role("heading", name=f"Заказ {order['id']}").wait_for()
    for event in ("Размещён клиентом", f"Взят исполнителем {executor}", "Клиент ответил", "Завершён: выполнен"):
        page.get_by_text(event).wait_for()
    act(page, "Вернуть деньги", "Клиент не пришёл", effect="вернётся 2 ₽", report="возвращено 2 ₽")
    page.get_by_text("возвращено", exact=True).wait_for()
    assert service.balance(executor) == balance + 2
    act(page, "Закрыть жалобу", "Деньги возвращены", effect="Жалоба уйдёт из очереди", report="закрыта")

    page.get_by_role("link", name=str(client)).first.click()
    page.get_by_role("heading", name=f"Человек {client}").wait_for()
    page.get_by_label("Причина просмотра").fill("Жалоба на заказ")
    page.get_by_role("button", name="Показать").click()
    effect = "Снимется 1 идущий заказ, за 1 отклик исполнителям вернётся 2 ₽"
    act(page, "Заблокировать", "Третья жалоба", effect=effect, report="Снято: 1 заказ")
    page.get_by_text("без срока: Третья жалоба").wait_for()
    assert service.call("POST /api/orders", user=client, body=service.order_body()).json["code"] == "banned"
    assert service.balance(executor) == balance + 4

    page.get_by_role("button", name="Добавить заметку").click()
    page.get_by_label("Заметка").fill("Обещал извиниться")
    page.get_by_role("dialog").get_by_role("button", name="Добавить заметку").click()
    page.get_by_role("cell", name="Обещал извиниться").wait_for()

    page.get_by_role("link", name="Отзывы").click()
    act(page, "Скрыть отзыв", "Оскорбление", effect="уйдёт из рейтинга исполнителя", report="Отзыв скрыт")
    assert service.call("GET /api/users/me", user=executor).json["rating"] == 0

    page.get_by_role("link", name="Журнал").click()
    page.get_by_text("Оскорбление").wait_for()
    logged = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    assert {action["reason"] for action in logged} >= {
        "Клиент не пришёл",
        "Деньги возвращены",
        "Третья жалоба",
        "Оскорбление",
    }


def test_a_payment_is_found_and_refunded(service: Service, open_panel: Open) -> None:
    """The provider pays back, and the payer's balance and the audit log show it."""
    payer = service.user()
    made = invoice(service, payer, "yookassa")
    press(made, "paid", payer)
    assert service.balance(payer) == 100
    page = open_panel(section="payments")
    page.get_by_text("Ни один возврат не ждёт").wait_for()
    page.get_by_label("Номер платежа").fill(str(made["payment_id"]))
    page.get_by_role("button", name="Найти").click()
    act(page, "Вернуть платёж", "Оплачено дважды", effect="100 ₽", report="Деньги возвращены")
    page.get_by_text("возвращён", exact=True).wait_for()
    assert service.balance(payer) == 0
    page.get_by_role("link", name="Журнал").click()
    page.get_by_role("row", name="Оплачено дважды").get_by_role("link", name=str(made["payment_id"])).wait_for()


def test_a_large_refund_needs_a_second_operator(service: Service, open_panel: Open) -> None:
    """The operator who asked can withdraw it and not approve it; the payer gets nothing before another one approves."""
    payer = service.user()
    made = invoice(service, payer, "yookassa", 6000)
    press(made, "paid", payer)
    page = open_panel(section=f"payments/{made['payment_id']}")
    for is_withdrawn in (True, False):
        act(page, "Вернуть платёж", "Оплачено дважды", effect="второго оператора", report="ждёт второго оператора")
        page.get_by_role("heading", name="Возврат ждёт").wait_for()
        page.get_by_role("button", name="Одобрить возврат").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("6\N{NO-BREAK SPACE}000 ₽").wait_for()
        dialog.get_by_label("Причина").fill("Проверено")
        dialog.get_by_role("button", name="Одобрить возврат").click()
        dialog.get_by_role("alert").filter(has_text="другой оператор").wait_for()
        dialog.get_by_role("button", name="Отмена").click()
        if is_withdrawn:
            act(page, "Отозвать возврат", "Ошиблись", effect="0 ₽", report="Запрос отозван")
    assert service.balance(payer) == 6000

    second = open_panel(SECOND_OPERATOR, section="payments")
    waiting = second.get_by_role("row", name=str(made["payment_id"]))
    waiting.get_by_text("другого оператора").wait_for()
    act(second, "Одобрить возврат", "Чек проверен", effect=f"вернёт человеку {payer}", report="Деньги возвращены")
    second.get_by_text("Ни один возврат не ждёт").wait_for()
    assert service.balance(payer) == 0
    logged = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    done = [(action["kind"], action["operator_id"]) for action in logged if action["payment_id"] == made["payment_id"]]
    assert done == [
        ("refund_approved", SECOND_OPERATOR),
        ("refund_requested", OPERATOR),
        ("refund_withdrawn", OPERATOR),
        ("refund_requested", OPERATOR),
    ]

"""The panel agrees with `make audit`: a story's figures on its pages are those of the ledger that the audit holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

from tests.api import ROOT
from tests.browser.conftest import Open
from tests.conftest import OPERATOR
from tests.integration.service import Service
from tests.integration.test_payments import invoice, press

if TYPE_CHECKING:
    from playwright.sync_api import Page


def audit(service: Service) -> tuple[int, str]:
    """As `make audit` does; return its exit code and what it prints."""
    env = {**os.environ, "LOCAL_DATA_DIR": str(service.data_dir)}
    command = [sys.executable, "-m", "infra.operate.audit"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def ledger(service: Service, user: int | None = None) -> Counter[str]:
    """The sums of the entries by their type, of one person or of all, as the table has them; `top_ups` are credits."""
    of = f"USER#{user}" if user else "USER#"
    sums = Counter[str]()
    for page in service.aws("dynamodb").get_paginator("scan").paginate(TableName=service.name("Table")):
        for item in page["Items"]:
            if item["pk"]["S"].startswith(of) and item["sk"]["S"].startswith("LEDGER#"):
                amount = int(item["amount"]["N"])
                sums[item["type"]["S"]] += amount
                sums["top_ups"] += amount if item["type"]["S"] == "recharge" and amount > 0 else 0
    return sums


def number(text: str) -> int:
    """The first number of a text, as in `1 234 ₽`."""
    return int(re.sub(r"\s", "", re.findall(r"-?\d[\d\s]*", text)[0]))


def figure(page: Page, title: str) -> str:
    """What the page says under a title."""
    text: str = page.locator(f'dt:text-is("{title}") + dd').first.inner_text()
    return text


def show_person(page: Page, person: int) -> None:
    page.evaluate(f"location.hash = '#/people/{person}'")
    page.get_by_label("Причина просмотра").fill("Сверка")
    page.get_by_role("button", name="Показать").click()
    page.get_by_role("heading", name="Счёт").wait_for()


def test_the_panel_agrees_with_the_audit(service: Service, open_panel: Open) -> None:
    """A top-up, a test top-up, two takes of which one is refunded, a review, and a refunded payment."""
    client, executor = service.user(), service.user()
    made = invoice(service, executor, "yookassa")
    press(made, "paid", executor)
    service.recharge(executor, 3)
    orders = [service.order(client)["id"] for _ in range(2)]
    for order in orders:
        assert service.take(executor, order).status == 200
    body = {"reason": "Не отвечал", "executor_id": executor}
    assert service.call("POST /api/admin/orders/{id}/remove", user=OPERATOR, id=orders[1], body=body).status == 200
    for step in ("respond", "complete"):
        assert service.call(f"POST /api/orders/{{id}}/{step}", user=client, id=orders[0]).status == 200
    review = {"order_id": orders[0], "rating": 4}
    assert service.call("POST /api/reviews/client", user=client, body=review).status == 200
    payment = str(made["payment_id"])
    refund = service.call("POST /api/admin/payments/{id}/refund", user=OPERATOR, id=payment, body={"reason": "Просьба"})
    assert refund.json["refund"] == "succeeded"
    assert audit(service) == (0, "Every invariant holds.\n")

    page = open_panel()
    show_person(page, executor)
    entries = ledger(service, executor)
    balance = sum(amount for kind, amount in entries.items() if kind != "top_ups")
    assert entries["top_ups"] == 103
    assert number(figure(page, "Баланс")) == balance == 1
    shown = page.locator('h2:text-is("Счёт") + .scroll td[data-label="Сумма"]').all_inner_texts()
    assert sum(map(number, shown)) == balance
    assert figure(page, "Заказы") == "идут: 0, выполнены: 1"
    assert figure(page, "Рейтинг") == "4 по 1 отзыву"

    page.evaluate(f"location.hash = '#/payments/{payment}'")
    page.get_by_role("heading", name=f"Платёж {payment}").wait_for()
    assert (number(figure(page, "Сумма")), figure(page, "Состояние")) == (100, "возвращён")

    def overview() -> list[int]:
        page.evaluate("location.hash = '#/overview'")
        page.get_by_role("heading", name="За период").wait_for()
        return [number(figure(page, title)) for title in ("Потрачено", "Возвращено", "Пополнено")]

    def of_all() -> list[int]:
        sums = ledger(service)
        return [-sums["order_take"], sums["refund"], sums["top_ups"]]

    for _ in range(90):  # today's figures are kept for a minute
        if overview() == of_all():
            break
        page.evaluate("location.hash = '#/log'")
        page.wait_for_timeout(1000)
    assert overview() == of_all()

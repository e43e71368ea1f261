"""Payments on the running service: an invoice, its page, a button, and the credit."""

import os
import subprocess
import sys
from typing import Any

import httpx
import pytest

from infra.local.settings import LOCAL_CRYPTO_PAY_TOKEN, LOCAL_YOOKASSA_KEY
from tests.api import ROOT
from tests.integration.service import Service, wait_until
from tests.integration.test_notifications import heard, telegram

PROVIDERS = ["crypto_pay", "telegram_stars", "yookassa"]


def invoice(service: Service, user: int, provider: str, amount: int = 100) -> dict[str, Any]:
    body = {"amount": amount, "provider": provider}
    if provider == "yookassa":
        body["receipt_contact"] = service.email()
    answer = service.call("POST /api/balance/create-invoice", user=user, body=body)
    assert answer.status == 200, answer.text
    made: dict[str, Any] = answer.json
    return made


def press(made: dict[str, Any], how: str, payer: int) -> str:
    """Open the payment page and press a button; return the text shown then."""
    with httpx.Client(follow_redirects=True, timeout=60, trust_env=False) as browser:
        page = browser.get(made["pay_url"])
        assert page.headers["content-type"].startswith("text/html")
        assert "Оплатить" in page.text or "оплатить" in page.text
        pressed = browser.post(made["pay_url"], data={"how": how, "payer": str(payer)})
    assert pressed.status_code == 200
    return pressed.text


def status(service: Service, made: dict[str, Any], user: int) -> dict[str, Any]:
    answer = service.call("GET /api/balance/payment/{id}/status", user=user, id=str(made["payment_id"]))
    found: dict[str, Any] = answer.json
    return found


def pay_every_way(service: Service) -> None:
    """Payments of every provider: by webhook, by a repeated webhook, by polling, refunded. Also called under IAM."""
    for provider in PROVIDERS:
        user = service.user()
        first, lost = invoice(service, user, provider), invoice(service, user, provider)
        assert "Вернитесь в приложение" in press(first, "twice", user)
        assert status(service, first, user) == {
            "payment_id": first["payment_id"],
            "status": "paid",
            "amount": 100,
            "new_balance": 100,
        }
        press(lost, "lost", user)
        assert status(service, lost, user)["status"] == "pending"
        bring_forward(service, lost["payment_id"])
        service.invoke("CheckPayments", {})
        assert status(service, lost, user)["new_balance"] == 200
        refunded = service.invoke("RefundPayment", {"payment_id": first["payment_id"]})
        assert (refunded["status"], refunded["taken_back"]) == ("refunded", 100)
        entries = service.ledger(user)
        assert [entry["amount"] for entry in entries] == [100, 100, -100]
        assert {(entry["type"], entry["payment_method"]) for entry in entries} == {("recharge", provider)}
    assert service.invoke("Audit", {}) == []


def bring_forward(service: Service, payment_id: int) -> None:
    """Make a payment due for polling, as it is after a minute."""
    [table] = [name for name in service.aws("dynamodb").list_tables()["TableNames"] if "Table" in name]
    service.aws("dynamodb").update_item(
        TableName=table,
        Key={"pk": {"S": f"PAYMENT#{payment_id}"}, "sk": {"S": "PAYMENT"}},
        UpdateExpression="SET due_at = :now",
        ExpressionAttributeValues={":now": {"N": "1"}},
        ConditionExpression="attribute_exists(due_at)",
    )


def test_a_balance_is_topped_up_through_every_provider(service: Service) -> None:
    """I3, I5, I8, F24."""
    pay_every_way(service)


def ask_for_a_receipt_contact(service: Service) -> None:
    """The payer gets a 409, replies to the bot, and pays by the link that it sends. Also called under IAM."""
    user, phone = service.user(), service.phone()
    body = {"amount": 100, "provider": "yookassa"}
    refused = service.call("POST /api/balance/create-invoice", user=user, body=body)
    assert (refused.status, refused.json["code"]) == (409, "receipt_contact_needed")
    heard(service, user, "на 100 ₽")
    with telegram(service) as http:
        http.post("/say", data={"chat_id": str(user), "text": f"8 {phone}"})
    [[pay]] = heard(service, user, "Осталось оплатить")["reply_markup"]["inline_keyboard"]
    press({"pay_url": pay["url"]}, "paid", user)
    wait_until(lambda: service.balance(user) == 100)
    assert service.call("POST /api/balance/create-invoice", user=user, body=body).status == 200


def test_bot_asks_for_the_contact_for_receipts(service: Service) -> None:
    """And no response, log line or message contains it (I18): test_disclosure.py."""
    ask_for_a_receipt_contact(service)


@pytest.mark.parametrize("provider", ["crypto_pay", "yookassa"])
def test_a_forged_webhook_and_a_declined_payment_credit_nothing(service: Service, provider: str) -> None:
    """F24."""
    user = service.user()
    made = invoice(service, user, provider)
    press(made, "forged", user)
    assert status(service, made, user)["status"] == "pending"
    press(made, "declined", user)
    bring_forward(service, made["payment_id"])
    service.invoke("CheckPayments", {})
    assert status(service, made, user)["status"] == "expired"
    assert service.balance(user) == 0


def test_stars_of_another_user_are_refused(service: Service) -> None:
    user = service.user()
    made = invoice(service, user, "telegram_stars")
    assert "другому человеку" in press(made, "paid", service.user())
    assert status(service, made, user)["status"] == "pending"


def test_stars_refunded_by_telegram_are_debited(service: Service) -> None:
    user = service.user()
    made = invoice(service, user, "telegram_stars")
    press(made, "refunded", user)
    wait_until(lambda: service.balance(user) == 0)
    assert [entry["amount"] for entry in service.ledger(user)] == [100, -100]


def test_an_operator_refunds_with_make_refund(service: Service) -> None:
    """As `make refund` does."""
    user = service.user()
    made = invoice(service, user, "yookassa")

    def refund(payment_id: object) -> "subprocess.CompletedProcess[str]":
        env = {**os.environ, "LOCAL_DATA_DIR": str(service.data_dir), "PAYMENT": str(payment_id)}
        return subprocess.run(
            [sys.executable, "-m", "infra.operate.refund"],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    unpaid = refund(made["payment_id"])
    assert (unpaid.returncode, "pending" in unpaid.stdout) == (1, True)
    press(made, "paid", user)
    done = refund(made["payment_id"])
    assert (done.returncode, done.stderr) == (0, "")
    assert "Debited from the balance: 100" in done.stdout
    assert service.balance(user) == 0
    assert refund(made["payment_id"]).stdout == done.stdout
    assert refund("nonsense").returncode == 2


def test_the_log_of_payments_holds_no_secret(service: Service) -> None:
    """I18."""
    for line in service.log:
        assert LOCAL_CRYPTO_PAY_TOKEN not in line
        assert LOCAL_YOOKASSA_KEY not in line

"""`make refund`: what it prints, and its exit code."""

from typing import Any

import pytest

from infra.operate import refund
from infra.operate.invoke import CannotInvoke

PAID = {
    "payment_id": 5,
    "user_id": 1,
    "provider": "yookassa",
    "amount": 100,
    "status": "paid",
    "taken_back": 0,
    "debt": 0,
}


@pytest.mark.parametrize(
    ("result", "code", "said"),
    [
        ({"status": "refunded", "refund": "succeeded", "taken_back": 98, "debt": 2}, 0, "from the balance: 98;"),
        ({"status": "pending", "refund": "none"}, 1, "pending."),
        ({"refund": "pending"}, 1, "has not decided"),
        ({"refund": "refused", "reason": "AMOUNT_TOO_SMALL"}, 1, "1 USD or more. Pay the user back another way."),
        ({"refund": "refused", "reason": "USER_NOT_FOUND"}, 1, "no wallet in @CryptoBot"),
        (
            {"refund": "refused", "reason": "insufficient_funds"},
            1,
            "(insufficient_funds). The shop has too little money",
        ),
        ({"refund": "refused", "reason": "another"}, 1, "(another). Look the reason up"),
        ({"refund": "refused", "reason": None}, 1, "Look the reason up"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_exit_code_is_0_only_after_a_refund(
    result: dict[str, Any], code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAYMENT", "5")
    monkeypatch.setattr(refund, "invoke", lambda stage, function, event: {**PAID, "reason": None, **result})
    assert refund.main() == code
    captured = capsys.readouterr()
    assert said in captured.out + captured.err
    assert (captured.err == "") is (code == 0 or result["refund"] == "none")


def test_failed_call_is_an_exit_code_of_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(stage: str, function: str, event: object) -> None:
        raise CannotInvoke("it failed")

    monkeypatch.setenv("PAYMENT", "5")
    monkeypatch.setattr(refund, "invoke", fail)
    assert refund.main() == 2
    monkeypatch.setenv("PAYMENT", "x")
    assert refund.main() == 2
    assert "it failed" in capsys.readouterr().err

"""`make setup`, `make webhook` and `make teardown` in an account that is not in the expected state.

tests/integration/test_deployment.py covers the normal course, on the embedded AWS.
"""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.operate import stage


class Account:
    """An account with one stack, or with an error in place of the stack, and no secrets at first."""

    def __init__(self, stack: dict[str, Any] | BaseException) -> None:
        self.is_deleted = False
        self._stack = stack
        self._secrets: dict[str, str] = {}

    def __call__(self, service: str) -> Any:
        """The client of any service."""
        return self

    class exceptions:
        """The exceptions of a client."""

        class ParameterNotFound(Exception):
            """No such secret."""

    def get_parameter(self, Name: str, **_: object) -> Any:
        if Name not in self._secrets:
            raise self.exceptions.ParameterNotFound
        return {"Parameter": {"Value": self._secrets[Name]}}

    def put_parameter(self, Name: str, Value: str, **_: object) -> None:
        self._secrets[Name] = Value

    def describe_stacks(self, **_: object) -> Any:
        if isinstance(self._stack, BaseException):
            raise self._stack
        return {"Stacks": [self._stack]}

    def delete_stack(self, **_: object) -> None:
        self.is_deleted = True

    def get_waiter(self, _: str) -> Any:
        return self

    def wait(self, **_: object) -> None:
        """Return at once: the stack is deleted immediately."""


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command for the stage dev in an account; return its exit code."""
    monkeypatch.setenv("STAGE", "dev")

    def run(command: str, account: Account, confirm: str = "dev") -> int:
        monkeypatch.setenv("CONFIRM", confirm)
        monkeypatch.setattr(stage, "aws_client", lambda _: account)
        return stage.main(command)

    return run


def test_a_stack_that_never_succeeded_can_be_deleted(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """In ROLLBACK_COMPLETE or REVIEW_IN_PROGRESS a stack has no outputs, and no table remains."""
    account = Account({"StackStatus": "ROLLBACK_COMPLETE"})
    assert run("teardown", account) == 0
    assert account.is_deleted
    said = capsys.readouterr().out
    assert "Deleted the stack urgent-services-dev" in said
    assert "delete-table" not in said


def test_webhook_of_a_stack_that_never_succeeded_is_refused(
    run: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account({"StackStatus": "ROLLBACK_COMPLETE"})
    monkeypatch.setattr(stage, "_read", lambda *_: "secret")
    assert run("webhook", account) == 2
    assert "make deploy STAGE=dev" in capsys.readouterr().err


def test_an_error_of_aws_is_printed(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("teardown", Account(refusal("ValidationError", "Stack with id urgent-services-dev does not exist"))) == 2
    assert "there is no stack urgent-services-dev" in capsys.readouterr().err
    for code, message in (("ExpiredToken", "The security token is expired"), ("ValidationError", "1 error detected")):
        assert run("teardown", Account(refusal(code, message))) == 2
        said = capsys.readouterr().err
        assert message in said
        assert "there is no stack" not in said
        assert said.count("\n") == 1


def test_nothing_was_changed_is_printed_only_after_a_no(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    account = Account({"StackStatus": "CREATE_COMPLETE"})
    assert run("teardown", account, confirm="prod") == 1
    assert "Nothing was changed." in capsys.readouterr().out
    assert not account.is_deleted
    assert run("teardown", Account(KeyboardInterrupt())) == 2
    said = capsys.readouterr()
    assert "Nothing was changed." not in said.out + said.err
    assert "safe to repeat make teardown STAGE=dev" in said.err


@pytest.mark.parametrize(
    ("parameters", "key", "missing"),
    [
        ([], "", []),
        (["PaymentProviders=telegram_stars"], "", []),
        (["PaymentProviders=crypto_pay"], "", ["crypto-pay-token"]),
        (
            ["PaymentProviders=telegram_stars,yookassa"],
            "",
            ["yookassa-secret-key", "YookassaShopId", "YookassaVatCode"],
        ),
        (["PaymentProviders=yookassa", "YookassaShopId=1", "YookassaVatCode="], "key", ["YookassaVatCode"]),
        (["PaymentProviders=yookassa", "YookassaShopId=1", "YookassaVatCode=1"], "key", []),
    ],
)
def test_setup_says_what_an_enabled_provider_lacks(
    run: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    parameters: list[str],
    key: str,
    missing: list[str],
) -> None:
    samconfig = tmp_path / "samconfig.toml"
    samconfig.write_text(f"[dev.global.parameters]\nparameter_overrides = {['Stage=dev', *parameters]}\n")
    monkeypatch.setattr(stage, "SAMCONFIG", samconfig)
    monkeypatch.setattr(stage, "_telegram", lambda *_: {"username": "a_bot"})
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "42:TEST-token-of-nobody")
    monkeypatch.setenv("YOOKASSA_SECRET_KEY", key)
    assert run("setup", Account({"StackStatus": "CREATE_COMPLETE"})) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Missing")]
    assert [line.split(": ")[1].split(".")[0] for line in told] == missing

"""`make setup`, `make webhook` and `make teardown` in an account that is not in the expected state.

tests/integration/test_deployment.py covers the normal course, on the embedded AWS.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.fakes.telegram import FakeTelegram
from infra.operate import stage
from infra.operate.derived_keys import init_data_key
from shared.domain.init_data import verify
from tests.conftest import CRYPTO_PAY_TOKEN
from tests.domain.test_init_data import MAX_AGE, NOW, PUBLIC, TOKEN, VECTORS
from tests.serving import serving_fake
from tests.signing import key_of

PREFIX = "/urgent-services/dev"


CREATED = {"StackStatus": "CREATE_COMPLETE"}


class Account:
    """An account with one stack, or with an error in place of the stack, and at first without secrets."""

    def __init__(self, stack: dict[str, Any] | BaseException = CREATED) -> None:
        self.is_deleted = False
        self.secrets: dict[str, str] = {}
        self._stack = stack

    def __call__(self, service: str) -> Any:
        """The client of any service."""
        return self

    class exceptions:
        """The exceptions of a client."""

        class ParameterNotFound(Exception):
            """No such secret."""

    def get_parameter(self, Name: str, **_: object) -> Any:
        if Name not in self.secrets:
            raise self.exceptions.ParameterNotFound
        return {"Parameter": {"Value": self.secrets[Name]}}

    def put_parameter(self, Name: str, Value: str, Type: str, Overwrite: bool) -> None:
        assert Type == "SecureString"
        assert Overwrite == (Name in self.secrets)
        self.secrets[Name] = Value

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
    account = Account()
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


@pytest.mark.parametrize(
    ("given", "has_main_app", "said"),
    [
        ("https://t.me/a_bot", True, None),
        ("https://t.me/A_Bot", True, None),
        ("https://t.me/a_bot/app", False, None),
        ("https://t.me/a_bot", False, "@a_bot has no Main Mini App"),
        ("https://t.me/another_bot", True, "it opens @another_bot, and the token is that of @a_bot"),
        ("https://t.me/another_bot/a_bot", True, "it opens @another_bot, and the token is that of @a_bot"),
        ("https://t.me/<bot>", True, "is no link of a bot"),
        ("https://t.me/a_bot/", True, "is no link of a bot"),
        ("https://t.me/a_bot?startapp", True, "is no link of a bot"),
        (None, True, "is no link of a bot"),
    ],
)
@pytest.mark.parametrize("is_token_new", [True, False])
def test_setup_compares_webapp_link_with_the_bot(
    run: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    given: str | None,
    has_main_app: bool,
    said: str | None,
    is_token_new: bool,
) -> None:
    """Over HTTP, with one getMe, whether the token was just given or stored before."""
    fake = FakeTelegram("42:TEST-token-of-nobody")
    fake.bot |= {"username": "a_bot", "has_main_web_app": has_main_app}
    samconfig = tmp_path / "samconfig.toml"
    parameters = ["Stage=dev", *([f"WebappLink={given}"] if given else [])]
    samconfig.write_text(f"[dev.global.parameters]\nparameter_overrides = {parameters}\n")
    monkeypatch.setattr(stage, "SAMCONFIG", samconfig)
    account = Account()
    if is_token_new:
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", fake.token)
    else:
        account.secrets = {f"{PREFIX}/telegram-bot-token": fake.token}
    with serving_fake(fake) as url:
        monkeypatch.setenv("TELEGRAM_API_URL", url)
        assert run("setup", account) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Wrong WebappLink: ")]
    assert len(told) == (said is not None)
    assert all(str(said) in line for line in told)
    assert [call.method for call in fake.calls] == ["getMe"]


@pytest.mark.parametrize(("given", "is_said"), [([], True), (["OperatorsChatId=-100900"], False)])
def test_setup_says_that_nobody_reads_messages(
    run: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    given: list[str],
    is_said: bool,
) -> None:
    samconfig = tmp_path / "samconfig.toml"
    samconfig.write_text(f"[dev.global.parameters]\nparameter_overrides = {['Stage=dev', *given]}\n")
    monkeypatch.setattr(stage, "SAMCONFIG", samconfig)
    monkeypatch.setattr(stage, "_telegram", lambda *_: {"username": "a_bot"})
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    assert run("setup", Account()) == 0
    assert ("No chat is told that people wait for an answer: set OperatorsChatId" in capsys.readouterr().out) is is_said


@pytest.fixture
def set_up(run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `make setup` with these tokens in the environment; Telegram knows every token."""
    monkeypatch.setattr(stage, "_telegram", lambda *_: {"username": "a_bot"})

    def set_up(account: Account, **tokens: str) -> None:
        for secret in stage.SECRETS:
            if secret.variable:
                monkeypatch.setenv(secret.variable, tokens.get(secret.variable, ""))
        assert run("setup", account) == 0

    return set_up


def test_setup_derives_the_keys_from_the_tokens(set_up: Any, capsys: pytest.CaptureFixture[str]) -> None:
    account = Account()
    set_up(account, TELEGRAM_BOT_TOKEN=TOKEN)
    key = account.secrets[f"{PREFIX}/init-data-key"]
    assert key == key_of(TOKEN).hex()
    assert f"{PREFIX}/crypto-pay-webhook-key" not in account.secrets
    set_up(account, CRYPTO_PAY_API_TOKEN=CRYPTO_PAY_TOKEN)
    webhook_key = account.secrets[f"{PREFIX}/crypto-pay-webhook-key"]
    assert webhook_key == hashlib.sha256(CRYPTO_PAY_TOKEN.encode()).hexdigest()
    said = capsys.readouterr()
    assert not any(secret in said.out + said.err for secret in account.secrets.values())


def test_a_new_token_replaces_its_key(set_up: Any, capsys: pytest.CaptureFixture[str]) -> None:
    account = Account()
    set_up(account, TELEGRAM_BOT_TOKEN=TOKEN)
    set_up(account, TELEGRAM_BOT_TOKEN="42:new")
    assert account.secrets[f"{PREFIX}/init-data-key"] == key_of("42:new").hex()
    assert f"{PREFIX}/init-data-key: replaced" in capsys.readouterr().out


@pytest.mark.parametrize("key", [None, key_of("42:former").hex()], ids=["missing", "of a former token"])
def test_setup_repairs_a_key_that_does_not_fit(set_up: Any, key: str | None) -> None:
    """A stage that is older than the derived keys, and a setup that died between a token and its key."""
    account = Account()
    account.secrets = {f"{PREFIX}/telegram-bot-token": TOKEN, **({f"{PREFIX}/init-data-key": key} if key else {})}
    set_up(account)
    assert account.secrets[f"{PREFIX}/init-data-key"] == key_of(TOKEN).hex()
    before = dict(account.secrets)
    set_up(account)
    assert account.secrets == before


@pytest.mark.parametrize("init_data", VECTORS)
def test_a_derived_key_verifies_the_vectors(init_data: str) -> None:
    key = bytes.fromhex(init_data_key(TOKEN))
    assert verify(init_data, key=key, now=NOW, max_age=MAX_AGE) == VECTORS[init_data]


@pytest.mark.skipif(not PUBLIC.exists(), reason="the public vectors are not part of the repository")
def test_a_derived_key_verifies_the_public_vectors() -> None:
    found = [vector for vector in json.loads(PUBLIC.read_text()) if vector["mode"] == "hmac"]
    valid = [vector for vector in found if vector["expected"] == "ok" and vector["name"] != "aiogram-plus-as-space"]
    assert len(valid) > 2
    for vector in valid:
        key = bytes.fromhex(init_data_key(vector["key"]))
        assert verify(vector["init_data"], key=key, now=vector["now"] * 1000, max_age=vector["max_age"])

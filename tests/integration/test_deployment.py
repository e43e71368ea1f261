"""The commands of docs/deployment.md against the embedded AWS, from an empty account to an empty one."""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from functions.telegram.webhook import CHECKING_HANDLERS, HANDLERS
from infra.local.aws import ACCOUNT, REGION, EmbeddedAws
from infra.local.fakes.telegram import FakeTelegram
from infra.local.settings import ROOT, LocalSettings
from infra.operate import stage
from shared.bot.updates import ABOUT
from tests.conftest import BOT_TOKEN
from tests.serving import serving_fake
from tests.signing import key_of

pytestmark = pytest.mark.integration

BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An empty account."""
    aws = EmbeddedAws(replace(LocalSettings.read({}), data_dir=tmp_path_factory.mktemp("account")))
    try:
        aws.start()
        yield aws
    finally:
        aws.stop()


@pytest.fixture(scope="module")
def telegram() -> Iterator[tuple[FakeTelegram, str]]:
    fake = FakeTelegram(BOT_TOKEN)
    with serving_fake(fake) as url:
        yield fake, url


@pytest.fixture(scope="module")
def shell(account: EmbeddedAws, telegram: tuple[FakeTelegram, str]) -> Mapping[str, str]:
    """The environment of a person who deploys; the Makefile sets the region."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "AWS_ENDPOINT_URL": account.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": ACCOUNT,  # it accepts any credentials
        "TELEGRAM_API_URL": telegram[1],
        "SAM_CLI_TELEMETRY": "0",
    }


def run(shell: Mapping[str, str], *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**shell, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def secret(account: EmbeddedAws, name: str) -> str:
    parameter = account.client("ssm").get_parameter(Name=f"/urgent-services/dev/{name}", WithDecryption=True)
    assert parameter["Parameter"]["Type"] == "SecureString"
    return str(parameter["Parameter"]["Value"])


def test_deploying_without_a_prerequisite_names_it(
    shell: Mapping[str, str], account: EmbeddedAws, telegram: tuple[FakeTelegram, str]
) -> None:
    for command in ("setup", "webhook", "teardown"):
        assert run(shell, "make", "-s", command).returncode == 2
        assert run(shell, "make", "-s", command, "STAGE=local").returncode == 2
    said = run(shell, "make", "-s", "setup", "STAGE=dev")
    assert "set TELEGRAM_BOT_TOKEN" in said.stderr
    said = run(shell, "make", "-s", "setup", "STAGE=dev", TELEGRAM_BOT_TOKEN="1:nobody")
    assert "Telegram refuses getMe: Unauthorized" in said.stderr
    assert telegram[0].mistakes == ["getMe: token"]
    telegram[0].mistakes.clear()
    assert "1:nobody" not in said.stdout + said.stderr
    with pytest.raises(ClientError):
        secret(account, "telegram-bot-token")
    assert "make setup STAGE=dev" in run(shell, "make", "-s", "webhook", "STAGE=dev").stderr


def test_secrets(shell: Mapping[str, str], account: EmbeddedAws) -> None:
    """Secrets are written once, because the contact key of a stage must never change."""
    first = run(shell, "make", "-s", "setup", "STAGE=dev", TELEGRAM_BOT_TOKEN=BOT_TOKEN)
    assert first.returncode == 0, first.stderr
    assert secret(account, "telegram-bot-token") == BOT_TOKEN
    init_data_key = secret(account, "init-data-key")
    assert init_data_key == key_of(BOT_TOKEN).hex()
    key = secret(account, "contact-key")
    assert len(key) == 64
    again = run(shell, "make", "-s", "setup", "STAGE=dev", CRYPTO_PAY_API_TOKEN="1:coins")
    assert again.returncode == 0, again.stderr
    assert secret(account, "contact-key") == key
    assert secret(account, "crypto-pay-token") == "1:coins"
    webhook_key = secret(account, "crypto-pay-webhook-key")
    assert webhook_key == hashlib.sha256(b"1:coins").hexdigest()
    for said in (first, again):
        values = (BOT_TOKEN, key, "1:coins", init_data_key, webhook_key)
        assert not any(value in said.stdout + said.stderr for value in values)
        assert "Wrong WebappLink: 'https://t.me/<bot>' is no link of a bot." in said.stdout
    assert "make deploy STAGE=dev" in run(shell, "make", "-s", "webhook", "STAGE=dev").stderr


def _alarm_of_one_metric(alarm: re.Match[str]) -> str:
    return "" if "      Metrics:\n" in alarm[0] else alarm[0]


@pytest.mark.skipif(not BUILT.exists(), reason="make build first, as CI does")
def test_stack_and_webhook(shell: Mapping[str, str], account: EmbeddedAws, telegram: tuple[FakeTelegram, str]) -> None:
    fake, _ = telegram
    # The embedded AWS has aliases but no CodeDeploy, which moves them, and only alarms of one metric.
    template, found = re.subn(r"(?m)^    DeploymentPreference:\n(?:     .*\n)+", "", BUILT.read_text())
    assert found == 1
    template = re.sub(r"(?m)^  \w+Alarm:\n(?:    .*\n)+", _alarm_of_one_metric, template)
    without = BUILT.with_name("without-what-it-knows-not.yaml")
    try:
        without.write_text(template)
        sam = (".venv-sam/bin/sam", "deploy", "--config-env", "dev", "--no-confirm-changeset")
        files = ("--config-file", str(ROOT / "samconfig.toml"), "--template-file", str(without))
        # samconfig.toml has a placeholder for the link, which CloudFormation refuses.
        given = ("Stage=dev", "CorsOrigins=https://dev.example.org", f"WebappLink=https://t.me/{fake.bot['username']}")
        overrides = ("--parameter-overrides", *given)
        deployed = run(shell, *sam, *files, *overrides, AWS_DEFAULT_REGION=REGION)
    finally:
        without.unlink()
    assert deployed.returncode == 0, deployed.stdout[-3000:] + deployed.stderr[-3000:]

    told = run(shell, "make", "-s", "webhook", "STAGE=dev")
    assert told.returncode == 0, told.stderr
    assert fake.webhook is not None
    assert fake.webhook.url.endswith(".amazonaws.com/api/telegram/webhook")
    assert fake.webhook.secret == secret(account, "telegram-webhook-secret")

    unsure = run(shell, "make", "-s", "teardown", "STAGE=dev")
    assert unsure.returncode != 0
    assert "Nothing was changed" in unsure.stdout
    assert account.client("cloudformation").describe_stacks(StackName="urgent-services-dev")
    gone = run(shell, "make", "-s", "teardown", "STAGE=dev", CONFIRM="dev")
    assert gone.returncode == 0, gone.stderr
    assert fake.webhook is None
    with pytest.raises(ClientError):
        account.client("cloudformation").describe_stacks(StackName="urgent-services-dev")


def test_telegram_sends_what_the_webhook_handles() -> None:
    kinds = {*HANDLERS, *CHECKING_HANDLERS}
    handled = {"message" if kind.startswith("/") or kind in (*ABOUT, "reply") else kind for kind in kinds}
    assert handled <= set(stage.UPDATES)

"""G10: no password, key or token is committed, and the scan finds planted ones."""

from pathlib import Path

import pytest
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings, get_plugins

from infra.local import settings as local
from tests import conftest
from tests.api import ROOT
from tests.contract import files
from tests.domain import test_init_data
from tests.store import test_keys

# Strings that look like a secret but were made up for this project, by file.
REVIEWED = {
    "infra/local/aws.py": {"test"},  # the embedded AWS takes any key
    "infra/local/settings.py": {local.LOCAL_BOT_TOKEN, local.LOCAL_WEBHOOK_SECRET},  # Telegram and the bot are fakes
    "tests/conftest.py": {"test", conftest.WEBHOOK_SECRET},
    "tests/domain/test_init_data.py": {test_init_data.TOKEN},
    "tests/fakes/test_telegram_form.py": {"a-Z_9", "a b"},  # the forms of a token, right and wrong
    "tests/integration/test_credentials.py": {"eyJhbGciOiJIUzI1NiJ9" + ".e30.x"},  # an empty JWT, which must be refused
    "tests/store/test_keys.py": {test_keys.RFC_4231_CASE_2},  # a known answer of HMAC
}

# In pieces, so that the scan does not find this file.
PLANTED = {
    "a bot's token": ("settings.py", 'TOKEN = "7301245678:AA' + 'Hq8sL2vXz0pRt5uWy7bCd9eFg1hJk3mNo"'),
    "an AWS key": ("samconfig.toml", 'parameter_overrides = "Key=AKIA' + 'QX7MZT4WPL6VBD3N"'),
    "a private key": ("key.pem", "-----BEGIN RSA PRIVATE" + " KEY-----"),
    "a shop's key": ("template.yaml", 'YookassaKey: "live_' + 'q9Xv7Lr2Tn8Wb4Zc6Md1Fs5Hj3Kp0GyAeUiOtRwQz"'),
    "a password": (".env", "DB_PASS" + 'WORD="correct-horse-7-battery"'),
    "a password in an address": ("README.md", "curl https://admin:" + "hunter2-9Qx@api.example.org/health"),
}


def secrets_in(files: list[Path], root: Path) -> set[tuple[str, str]]:
    """File and text of every string that looks like a secret."""
    found = SecretsCollection(root=str(root))
    with default_settings():
        for file in files:
            if file.suffix != ".py" or looks_secret(file):
                found.scan_file(str(file.relative_to(root)))
    return {(name, secret.secret_value or "") for name, secret in found}


def looks_secret(file: Path) -> bool:
    """Whether a detector finds something in a line of a Python file.

    A scan asks filters about each line first, which takes four fifths of its time. It also reads configuration files
    in another form, so those are always scanned.
    """
    detectors = get_plugins()
    return any(
        detector.analyze_line(filename=str(file), line=line)
        for line in file.read_text().splitlines()
        for detector in detectors
    )


def test_no_secret_is_committed() -> None:
    """In all files that git tracks or would add. An unused entry of REVIEWED fails as well.

    Vendored files are left out: they are npm's, by their hashes, and a scan of their long lines takes minutes.
    """
    scanned = [path for path in files.of_the_project() if path.is_file() and "vendor" not in path.parts]
    assert len(scanned) > 200
    found = secrets_in(scanned, ROOT)
    reviewed = {(name, text) for name, texts in REVIEWED.items() for text in texts}
    # The scan requires the length of a real token.
    assert {each for each in found if not any(is_of(each, known) for known in reviewed)} == set()
    assert {known for known in reviewed if not any(is_of(each, known) for each in found)} == set()


def is_of(found: tuple[str, str], known: tuple[str, str]) -> bool:
    return found[0] == known[0] and known[1].startswith(found[1])


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_secret_is_found(tmp_path: Path, what: str) -> None:
    name, line = PLANTED[what]
    (tmp_path / name).write_text(f"# nothing of interest\n{line}\n")
    assert len(secrets_in([tmp_path / name], tmp_path)) >= 1

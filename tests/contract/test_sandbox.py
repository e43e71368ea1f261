"""The sandbox of `make run`: who may ask it, what its page may load, and which people it signs."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local import sandbox
from infra.local.aws import EmbeddedAws
from infra.local.settings import LocalSettings
from infra.operate.derived_keys import init_data_key
from shared.domain import init_data
from tests.serving import serving


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the sandbox, without a service behind it."""
    settings = LocalSettings.read({"LOCAL_DATA_DIR": str(tmp_path_factory.mktemp("sandbox"))})
    app = sandbox.app(settings, EmbeddedAws(settings))
    assert app is not None
    with serving(app) as url:
        yield url


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False)


def test_there_is_no_sandbox_beside_the_real_telegram() -> None:
    settings = LocalSettings.read({"TELEGRAM_API_URL": "https://api.telegram.org"})
    assert sandbox.pages(settings) == {}
    assert sandbox.app(settings, EmbeddedAws(settings)) is None


def test_the_people_are_signed_in(url: str) -> None:
    """One client and four executors, each with initData of their own that the service accepts."""
    people = get(f"{url}/sandbox/people").json()["people"]
    assert [person["role"] for person in people] == ["client", *["executor"] * 4]
    key = bytes.fromhex(init_data_key(LocalSettings.read({}).bot_token))
    for person in people:
        now = time.time_ns() // 1_000_000
        assert init_data.verify(person["init_data"], key=key, now=now, max_age=60).id == person["id"]


@pytest.mark.parametrize("path", ["/", "/sandbox/people", "/sandbox/clock"])
def test_another_host_name_is_refused(url: str, path: str) -> None:
    """DNS rebinding: a page of another name that resolves to this machine reads no initData."""
    assert get(f"{url}{path}", host="evil.example").status_code == 400


def test_the_page_may_load_its_own_files_only(url: str) -> None:
    policy = get(url).headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "*" not in policy
    assert set(re.findall(r"//(\w[\w.]*)", policy)) == {"localhost", "127.0.0.1"}


def test_every_imported_file_is_served(url: str) -> None:
    page = get(url).text
    asked = set(re.findall(r'"(/sandbox/[^"]+)"', page))
    named = set(re.findall(r'"([^"]+)": "/sandbox/', page))
    assert len(asked) > 5
    for address in list(asked):
        if address.endswith(".js"):
            asked |= set(re.findall(r'(?m)^import .* from "(/sandbox/[^"]+)"', get(f"{url}{address}").text))
    for address in asked:
        found = get(f"{url}{address}")
        assert (address, found.status_code) == (address, 200)
        bare = re.findall(r'(?m)^import .* from "([^/][^"]*)"', found.text)
        assert set(bare) <= named, address
    assert get(f"{url}/sandbox/nothing.js").status_code == 404
    assert get(f"{url}/sandbox/..%2F__init__.py").status_code == 404


def test_the_sandbox_is_compiled_from_the_client() -> None:
    """The types of live.ts and client.ts are removed and nothing else: `make client` writes both, CI compares them."""
    folder = Path(sandbox.__file__).parent / "client"
    for name in ("client", "live"):
        exported = re.compile(r"(?m)^export (?:class|function|async function) (\w+)")
        source = (Path(sandbox.__file__).parents[2] / "client" / f"{name}.ts").read_text()
        assert exported.findall((folder / f"{name}.js").read_text()) == exported.findall(source)

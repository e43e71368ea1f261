"""The pages: vendored files are those of the lock, and nothing of the local sign-in and the sandbox is deployed."""

import gzip
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.build.check import PAGES, sources
from infra.build.vendor import ALL, STATIC, Vendored
from infra.local import panel, settings
from infra.operate.derived_keys import init_data_key
from shared.domain import init_data
from shared.domain.operators import ActionKind
from tests import api
from tests.api import ROOT
from tests.contract.endpoints import STATIC as STATIC_ROUTES
from tests.contract.wiring import TEMPLATE

ADMIN = STATIC / "admin"
SANDBOX = ROOT / "infra" / "local" / "sandbox" / "page"
OWN = [path for folder in (ADMIN, STATIC / "docs", SANDBOX) for path in sorted(folder.glob("*.*"))]
MOST_ZIPPED = 150_000  # bytes of the whole panel, gzipped
ASKED = [("GET", ""), ("GET", "/nothing.js"), ("POST", ""), ("OPTIONS", "")]
NAVIGATION = [(b"host", b"localhost:8000"), (b"sec-fetch-mode", b"navigate")]


@pytest.mark.parametrize("vendored", ALL.values(), ids=ALL)
def test_vendored_files_match_the_lock(vendored: Vendored) -> None:
    """Run `make vendor` after a change of static/package-lock.json, `make client` after one of infra/client."""
    assert vendored.list.read_text() == vendored.listing()


@pytest.mark.parametrize("vendored", ALL.values(), ids=ALL)
def test_every_vendored_file_is_listed(vendored: Vendored) -> None:
    there = {str(path.relative_to(vendored.target)) for path in vendored.target.glob("**/vendor/*")}
    there = {path for path in there if "node_modules" not in path}
    assert there == {copy for files in vendored.files.values() for copy in files.values()}
    wanted = json.loads((vendored.source / "package.json").read_text())["dependencies"]
    assert vendored.files.keys() == wanted.keys()
    assert all(any("LICENSE" in copy for copy in files.values()) for files in vendored.files.values())


def test_the_lock_of_the_pages_holds_no_address() -> None:
    lock = json.loads((STATIC / "package-lock.json").read_text())["packages"]
    for package in lock.values():
        package.pop("funding", None)
    assert "://" not in json.dumps(lock)


def test_the_panel_is_at_most_150_kb_gzipped() -> None:
    sizes = {
        path.name: len(gzip.compress(path.read_bytes())) for path in ADMIN.rglob("*.*") if "LICENSE" not in path.name
    }
    assert len(sizes) > 8
    assert sum(sizes.values()) <= MOST_ZIPPED, sizes


@pytest.mark.parametrize("path", OWN, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_page_of_ours_writes_no_html_and_names_no_host(path: object) -> None:
    """A user's text becomes a text node: nothing parses it, and no link is made of it."""
    text = ROOT.joinpath(str(path)).read_text()
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "://", "document.cookie"):
        assert unsafe not in text, unsafe
    assert not re.search(r"<style|style=|\son\w+=[\"']", text)


@pytest.mark.parametrize("path", sorted(ADMIN.glob("*.js")), ids=lambda path: path.name)
def test_every_imported_file_exists(path: object) -> None:
    page = (ADMIN / "index.html").read_text()
    served = {found.name for found in ADMIN.rglob("*.*")}
    text = ROOT.joinpath(str(path)).read_text()
    for name in re.findall(r'(?m)(?:^import .* from |import\()"([^"]+)"', text):
        assert name.removeprefix("/admin/") in served or f'"{name}":' in page, name


def test_the_panel_names_every_action_of_the_audit_log() -> None:
    [kinds] = re.findall(r"(?s)const KINDS = \{(.*?)\};", (ADMIN / "log.js").read_text())
    assert set(re.findall(r"(?m)^  (\w+):", kinds)) == set(get_args(ActionKind))


@pytest.mark.parametrize("name", PAGES)
def test_a_package_of_a_page_has_the_code_it_imports(name: str, tmp_path: Path) -> None:
    """Also that of refusals, which is imported when the first one is needed."""
    for file in sources(name) - {"release.txt"}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, tmp_path / file)
    module = api.template()["Resources"][name]["Properties"]["Handler"].removesuffix(".handler")
    path = min(STATIC_ROUTES[module]).removeprefix("GET ")
    events = [api.event(method, f"{path}{end}", route=f"GET {path}{end and '/{file}'}") for method, end in ASKED]
    code = (
        f"import json, sys; from types import SimpleNamespace as Context; from {module} import handler\n"
        "answers = [handler(event, Context(aws_request_id='1')) for event in json.load(sys.stdin)]\n"
        "print(*(answer['statusCode'] for answer in answers), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.split() == ["200", "404", "405", "204"], done.stderr


# ---------------------------------------------------------------- the local sign-in and the sandbox


def test_no_package_contains_the_sign_in_or_the_sandbox() -> None:
    """The packages are functions/, shared/ and a page; the token and the signer of `make run` are in none of them."""
    named = {name for function in (*PAGES, "GetMe") for name in sources(function)} - {"release.txt"}
    assert {name.split("/")[0] for name in named} == {"functions", "shared", "static"}
    signing = (settings.LOCAL_BOT_TOKEN, "signed_init_data", "sign_in", "infra.local", "signed-in", "sandbox")
    for name in named:
        content = (ROOT / name).read_bytes()
        assert not [word for word in signing if word.encode() in content], name
    assert settings.LOCAL_BOT_TOKEN not in TEMPLATE
    assert not {key for key in api.route_keys() if key.endswith(" /") or settings.SANDBOX in key}


@pytest.mark.parametrize(("ids", "operator"), [("", int(settings.LOCAL_OPERATOR)), ("77,78", 77)])
def test_a_browser_opens_the_local_panel_signed_in(ids: str, operator: int) -> None:
    """As the first of OPERATOR_IDS, or as a made-up operator; initData stands in the fragment, as Telegram puts it."""
    run = settings.LocalSettings.read({"OPERATOR_IDS": ids})
    address = panel.sign_in(run)
    sent_to = address("/admin", b"", NAVIGATION)
    assert sent_to is not None
    parts = urlsplit(sent_to)
    [sent] = parse_qs(parts.fragment)["tgWebAppData"]
    key = bytes.fromhex(init_data_key(run.bot_token))
    assert init_data.verify(sent, key=key, now=time.time_ns() // 1_000_000, max_age=60).id == operator
    assert operator in map(int, run.operator_ids.split(","))
    assert address(parts.path, parts.query.encode(), NAVIGATION) is None
    for path, query, headers in (("/admin", b"", []), ("/admin/app.js", b"", NAVIGATION), ("/docs", b"", NAVIGATION)):
        assert address(path, query, headers) is None


def test_another_host_or_a_real_bot_signs_nobody_in() -> None:
    """A tunnel for the webhook of a real bot, and a name that resolves to this machine (DNS rebinding)."""
    navigation = [header for header in NAVIGATION if header[0] != b"host"]
    fake = panel.sign_in(settings.LocalSettings.read({}))
    for host in (b"panel.example.org:8000", b"localhost.example.org", b""):
        assert fake("/admin", b"", [*navigation, (b"host", host)]) is None
    assert fake("/admin", b"", navigation) is None
    real = {"TELEGRAM_BOT_TOKEN": "123:abc", "TELEGRAM_API_URL": "https://api.telegram.org"}
    assert panel.sign_in(settings.LocalSettings.read(real))("/admin", b"", NAVIGATION) is None

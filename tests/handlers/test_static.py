"""Pages and their files: compressed, known by a tag, with a policy that loads nothing from other hosts."""

import base64
import gzip
import importlib
from pathlib import Path
from typing import Any

import pytest

from shared.handlers.static import static_handler
from tests import api
from tests.contract.endpoints import STATIC

PAGE = "<!doctype html><title>Страница</title>"


def ask(path: str, *, method: str = "GET", **headers: str) -> dict[str, Any]:
    """The response of a handler to a request for the panel or one of its files."""
    route = f"{method} /admin" + ("/{file}" if path != "/admin" else "")
    event = api.event(method, path, route=route.replace(method, "GET"), headers=headers)
    answer: dict[str, Any] = importlib.import_module("functions.meta.get_panel").handler(event, api.Context())
    return answer


def test_a_file_is_compressed_for_who_accepts_it() -> None:
    plain, zipped = ask("/admin/panel.css"), ask("/admin/panel.css", **{"accept-encoding": "br, gzip"})
    assert (plain["isBase64Encoded"], zipped["isBase64Encoded"]) == (False, True)
    body = base64.b64decode(zipped["body"])
    assert gzip.decompress(body).decode() == plain["body"]
    assert zipped["headers"]["content-encoding"] == "gzip"
    assert int(zipped["headers"]["content-length"]) == len(body) < len(plain["body"])
    assert int(plain["headers"]["content-length"]) == len(plain["body"].encode())


def test_a_known_file_is_a_304_without_content() -> None:
    first = ask("/admin/app.js")
    again = ask("/admin/app.js", **{"if-none-match": f"W/{first['headers']['etag']}"})
    assert (first["statusCode"], again["statusCode"], again["body"]) == (200, 304, "")
    assert again["headers"]["etag"] == first["headers"]["etag"]
    other = ask("/admin/app.js", **{"if-none-match": ask("/admin/log.js")["headers"]["etag"]})
    assert other["statusCode"] == 200


@pytest.mark.parametrize(
    "name", ["nothing.js", "index.html/..", "..", "%2e%2e", "LICENSE.preact", "vendor", "get_panel.py", ""]
)
def test_any_other_name_is_a_404(name: str) -> None:
    assert ask(f"/admin/{name}")["statusCode"] == 404


def test_a_changed_file_has_another_tag(tmp_path: Path) -> None:
    tags = set()
    for text in (PAGE, PAGE + " "):
        (tmp_path / "index.html").write_text(text)
        handler = static_handler(tmp_path, may_load="default-src 'none'")
        tags.add(handler(api.event("GET", "/admin"), api.Context())["headers"]["etag"])
    assert len(tags) == 2


@pytest.mark.parametrize("module", STATIC)
def test_a_page_loads_nothing_from_other_hosts(module: str) -> None:
    path = min(STATIC[module]).removeprefix("GET ")
    answer = importlib.import_module(module).handler(api.event("GET", path), api.Context())
    policy = answer["headers"]["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "//" not in policy
    assert "*" not in policy


def test_the_panel_shows_images_of_its_own_only() -> None:
    """Icons of the stylesheet, and photos that a script got with credentials."""
    policy = ask("/admin")["headers"]["content-security-policy"].split("; ")
    assert [directive for directive in policy if directive.startswith("img-src")] == ["img-src data: blob:"]
    assert not [directive for directive in policy if "blob:" in directive and not directive.startswith("img-src")]


def test_the_schema_is_compressed_and_kept_for_five_minutes() -> None:
    schema = importlib.import_module("functions.meta.get_openapi").handler
    event = api.event("GET", "/openapi.json", headers={"accept-encoding": "gzip"})
    answer = schema(event, api.Context())
    written = (api.ROOT / "functions" / "meta" / "openapi.json").read_bytes()
    assert gzip.decompress(base64.b64decode(answer["body"])) == written
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["cache-control"] == "max-age=300, must-revalidate, stale-if-error=0"
    known = schema(
        api.event("GET", "/openapi.json", headers={"if-none-match": answer["headers"]["etag"]}), api.Context()
    )
    assert (known["statusCode"], known["body"]) == (304, "")

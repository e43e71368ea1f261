"""A running service, and Chromium on its panel as an operator opens it: `make test-browser`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests import api
from tests.browser.chromium import chromium
from tests.conftest import OPERATOR
from tests.integration.service import Service, now_ms, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

HERE = Path(__file__).parent

SECOND_OPERATOR = OPERATOR + 1
PHONE, DESKTOP = (390, 800), (1200, 800)

Open = Callable[..., "Page"]
"""Opens the panel, as in `open_panel(user=900, size=PHONE)`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder: they need a browser."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service, with two operators; at the end nobody saw a contact or secret without the right to it."""
    with running(tmp_path_factory.mktemp("browser"), OPERATOR_IDS=f"{OPERATOR},{SECOND_OPERATOR}") as service:
        yield service
        assert service.disclosed() == []
        assert service.mistakes() == []


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_panel(service: Service, browser: Browser) -> Iterator[Open]:
    """Open the panel as a user. At the end, the page has asked only this service and broken no policy of its own."""
    wrong: list[str] = []
    contexts = []

    def check(request: Request) -> None:
        if not request.url.startswith((service.url, "data:", f"blob:{service.url}/")):
            wrong.append(f"another host: {request.url}")
        if "hash%3D" in request.url or "hash=" in request.url:
            wrong.append(f"initData in an address: {request.url}")

    def open_panel(
        user: int | None = OPERATOR,
        *,
        size: tuple[int, int] = DESKTOP,
        scheme: Any = "light",
        page: str = "/admin?signed-in",
        section: str | None = "complaints",
    ) -> Page:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale="ru-RU", timezone_id="Asia/Tokyo"
        )
        contexts.append(context)
        opened = context.new_page()
        opened.set_default_timeout(120_000)  # a slow machine must not fail a test
        opened.on("request", check)
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("dialog", lambda dialog: wrong.append(f"a script ran: {dialog.message}"))
        opened.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
        init_data = api.init_data(user, now_ms()) if user is not None else None
        fragment = f"#{urlencode({'tgWebAppData': init_data, 'tgWebAppVersion': '8.0'})}" if init_data else ""
        opened.goto(f"{service.url}{page}{fragment}")
        if section is not None and page.startswith("/admin"):
            opened.evaluate(f"location.hash = '#/{section}'")
        return opened

    yield open_panel
    for context in contexts:
        context.close()
    assert wrong == []

"""live.ts in a real browser, as the sandbox serves it. It reconnects, reads after a gap, and polls without a socket.

The page has the WebApp's policy for connections, with the one entry that it adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests import api
from tests.integration.service import Service, now_ms

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route, WebSocketRoute

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script type="importmap">{"imports": {
  "openapi-fetch": "/sandbox/openapi-fetch.mjs", "partysocket/ws": "/sandbox/partysocket.js"}}</script>
<script type="module">
  import { urgentServices } from "/sandbox/client.js";
  import { Live } from "/sandbox/live.js";
  window.frames_ = [];
  window.follow = (initData, city) => {
    window.live = new Live(urgentServices("", () => initData), {
      orders: (orders) => { window.shown = Object.fromEntries(orders.map((order) => [order.id, order.version])); },
      mine: (event) => window.frames_.push(event.event),
    });
    window.live.watch({ city, category: null });
  };
</script>"""
WEBAPP = "connect-src 'self' https://telegram.org https://*.telegram.org"
"""The WebApp's policy for connections, without the entry."""

Follow = Callable[..., "Follower"]


class Follower:
    """A page that follows the list of a city."""

    def __init__(self, service: Service, page: Page, city: str) -> None:
        self._service, self.page, self.city = service, page, city

    def shows(self, orders: dict[str, int]) -> bool:
        """Wait until the page shows these versions of orders."""
        text = "(wanted) => JSON.stringify(wanted) === JSON.stringify(window.shown, Object.keys(wanted))"
        self.page.wait_for_function(
            f"{text} && Object.keys(window.shown).length === Object.keys(wanted).length", arg=orders
        )
        return True

    def shows_what_is_listed(self) -> bool:
        """Wait until the page shows what a GET of its list shows now."""
        listed = self._service.call("GET /api/orders", query={"city": self.city}).json["orders"]
        return self.shows({order["id"]: order["version"] for order in listed})

    def refuse_tickets(self) -> None:
        """Let the page get no ticket, so that no socket opens."""
        self.page.route("**/api/live/ticket", lambda route: route.abort())

    def give_tickets(self) -> None:
        """Let the page get tickets again."""
        self.page.unroute("**/api/live/ticket")


class Wire:
    """The sockets of a page, each between the page and the service. `frames`: what arrived, by type."""

    def __init__(self, page: Page) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.frames: list[str] = []
        self.is_deaf = False
        page.route_web_socket(lambda url: "/live?" in url, self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        server = socket.connect_to_server()

        def told(text: str | bytes) -> None:
            if not self.is_deaf:
                self.frames.append(str(text))
                socket.send(text)

        server.on_message(told)

    def tell(self, text: str) -> None:
        """Send the page a frame, and nothing of the service's from then on."""
        self.is_deaf = True
        self.sockets[-1].send(text)

    def wait_for(self, page: Page, kind: str, count: int) -> None:
        """Wait until so many frames of a type arrived."""
        for _ in range(1200):
            if sum(f'"{kind}"' in frame for frame in self.frames) >= count:
                return
            page.wait_for_timeout(100)
        raise AssertionError(self.frames)


@pytest.fixture
def follow(service: Service, browser: Browser) -> Iterator[Follow]:
    """Open a page that follows a city as a new user. `entry`: what the policy for connections has besides."""
    contexts = []
    mistakes: list[str] = []

    def follow(city: str, *, entry: str | None = None, prepare: Callable[[Page], Any] = lambda page: None) -> Follower:
        context = browser.new_context(locale="ru-RU")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)  # a slow machine must not fail a test
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        policy = f"{WEBAPP} {entry or f'ws://127.0.0.1:{service.port}'}"
        headers = {"content-type": "text/html", "content-security-policy": policy}
        page.route("**/follow", lambda route: route.fulfill(body=PAGE, headers=headers))
        prepare(page)
        page.goto(f"http://localhost:{service.port}/follow")
        page.wait_for_function("window.follow !== undefined")
        page.evaluate("(given) => window.follow(...given)", [api.init_data(service.user(), now_ms()), city])
        return Follower(service, page, city)

    yield follow
    for context in contexts:
        context.close()
    assert mistakes == []


def elsewhere(service: Service) -> Callable[[Page], None]:
    """Let tickets name another host than the page's, as in AWS."""

    def prepare(page: Page) -> None:
        def rename(route: Route) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, body=answer.text().replace("ws://localhost", "ws://127.0.0.1"))

        page.route("**/api/live/ticket", rename)

    return prepare


def test_a_cut_socket_reconnects_and_misses_nothing(service: Service, follow: Follow) -> None:
    """While no socket opens, the list is polled."""
    wires: list[Wire] = []
    page = follow("Боровск", prepare=lambda page: wires.append(Wire(page)))
    [wire] = wires
    wire.wait_for(page.page, "watching", 1)
    executor = service.user()
    service.recharge(executor)
    first = service.order(service.user(), city="Боровск")["id"]
    wire.wait_for(page.page, "appeared", 1)
    assert page.shows({first: 1})
    page.refuse_tickets()
    wire.sockets[0].close()
    assert service.take(executor, first).status == 200
    second = service.order(service.user(), city="Боровск")["id"]
    assert page.shows({second: 1, first: 2})
    assert len(wire.sockets) == 1
    page.give_tickets()
    wire.wait_for(page.page, "watching", 2)
    third = service.order(service.user(), city="Боровск")["id"]
    wire.wait_for(page.page, third, 1)
    assert page.shows({third: 1, second: 1, first: 2})
    assert page.shows_what_is_listed()


def test_a_page_that_is_told_to_poll_polls(service: Service, follow: Follow) -> None:
    wires: list[Wire] = []
    page = follow("Белёв", prepare=lambda page: wires.append(Wire(page)))
    [wire] = wires
    wire.wait_for(page.page, "watching", 1)
    page.page.wait_for_timeout(4_000)  # the second read of a new watch
    wire.tell('{"type": "poll", "seconds": 1}')
    order = service.order(service.user(), city="Белёв")["id"]
    assert page.shows({order: 1})
    assert page.shows_what_is_listed()
    assert len(wire.sockets) == 1, "the socket stays open for personal frames"


def test_an_order_that_left_a_long_list_is_not_shown(service: Service, follow: Follow) -> None:
    """A page that polls reads the first page only. What it knows of the orders beyond it stays."""

    def prepare(page: Page) -> None:
        page.route("**/api/live/ticket", lambda route: route.abort())
        page.route(
            "**/api/orders?*", lambda route: route.continue_(url=route.request.url.replace("limit=100", "limit=2"))
        )

    page = follow("Бежецк", prepare=prepare)
    clients = [service.user() for _ in range(4)]
    orders: list[str] = []
    for client in clients:
        orders.append(service.order(client, city="Бежецк")["id"])
        assert page.shows(dict.fromkeys(orders, 1))
    assert service.call("DELETE /api/orders/{id}", user=clients[-1], id=orders[-1]).status == 204
    assert page.shows(dict.fromkeys(orders[:-1], 1))


@pytest.mark.parametrize(("entry", "is_told"), [(None, True), ("https://api.example.org", False)])
def test_the_webapp_needs_one_entry_of_its_policy(
    service: Service, follow: Follow, entry: str | None, *, is_told: bool
) -> None:
    """Without the entry for the host of sockets, the page polls."""
    tried: list[str] = []
    watching: list[str] = []

    def prepare(page: Page) -> None:
        elsewhere(service)(page)
        page.on("console", lambda said: tried.append(said.text) if "Content Security" in said.text else None)
        page.on("websocket", lambda socket: socket.on("framereceived", lambda text: watching.append(str(text))))

    page = follow("Болхов" if is_told else "Бирюч", entry=entry, prepare=prepare)
    wanted = watching if is_told else tried
    for _ in range(1200):
        if wanted:
            break
        page.page.wait_for_timeout(100)
    order = service.order(service.user(), city=page.city)["id"]
    assert page.shows({order: 1})
    assert (bool(watching), bool(tried)) == (is_told, not is_told)

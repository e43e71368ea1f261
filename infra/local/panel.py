"""Open the panel signed in, in the place of Telegram. `make run` has this; no deployed package contains infra/."""

import time
from collections.abc import Callable, Iterable
from urllib.parse import urlencode

from infra.local.initdata import signed_init_data
from infra.local.settings import OWN_HOSTS, LocalSettings

PAGE = "/admin"
_SIGNED_IN = b"signed-in"


def sign_in(settings: LocalSettings) -> Callable[[str, bytes, Iterable[tuple[bytes, bytes]]], str | None]:
    """Return a function that tells the front server where to send a browser that opens the panel; None: nowhere.

    Given a path, a query and headers, it answers with the panel's address and fresh initData of the first operator in
    the fragment, as Telegram opens it. The query keeps the browser from being sent a second time. With a real bot's
    token nobody is signed in: a tunnel for Telegram's webhook would let anyone open the panel.
    """
    operator = int(settings.operator_ids.partition(",")[0])

    def address(path: str, query: bytes, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        sent = dict(headers)
        if path != PAGE or query == _SIGNED_IN or sent.get(b"sec-fetch-mode") != b"navigate":
            return None
        host = sent.get(b"host", b"").partition(b":")[0].decode("latin-1")
        if not settings.has_fake_telegram or host not in OWN_HOSTS:
            return None
        user = {"id": operator, "first_name": "Оператор", "language_code": "ru"}
        init_data = signed_init_data(user, settings.bot_token, int(time.time()))
        return f"{PAGE}?{_SIGNED_IN.decode()}#{urlencode({'tgWebAppData': init_data})}"

    return address

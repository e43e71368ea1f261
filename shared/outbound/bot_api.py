"""Telegram's Bot API: call one method, return its result or raise an error.

Nothing is retried here: the Bot API is not idempotent, and a message that is sent twice is read twice. The caller
decides by the error.
"""

from typing import Any
from urllib.parse import quote

from shared.aws import secrets
from shared.outbound import http
from shared.settings import settings

_UNREADABLE = 502


class BotApiError(Exception):
    """Telegram refused the call.

    `error_code` is Telegram's HTTP-like code:
    - 400: the request is wrong.
    - 403: the user blocked the bot or never started it.
    - 429: too many requests; the chat or the whole bot must wait `retry_after` seconds: shared/domain/flood.py.
    - 5xx: Telegram failed; the outcome is unknown.

    `description` is Telegram's sentence. It may be compared but not logged, because it can repeat what was sent.
    """

    def __init__(self, method: str, error_code: int, description: str, retry_after: int | None) -> None:
        super().__init__(method, error_code)
        self.error_code = error_code
        self.description = description
        self.retry_after = retry_after


class BotApiUnreachable(Exception):
    """No response arrived. `maybe_done`: Telegram may have carried out the call nevertheless."""

    def __init__(self, method: str, *, maybe_done: bool) -> None:
        super().__init__(method)
        self.maybe_done = maybe_done


def call(method: str, *, read_timeout: float = 5.0, **parameters: object) -> Any:
    """Call a method, as in `call("sendMessage", chat_id=1, text="…")`, and return its `result`.

    Parameters that are None are left out. One HTTP request: at most 2 s to connect and `read_timeout` seconds between
    bytes. One ssm:GetParameter per five minutes. Raises BotApiError, BotApiUnreachable, Unavailable (no token).
    """
    url = f"{settings().telegram_api_url}/bot{secrets.bot_token()}/{method}"
    given = {name: value for name, value in parameters.items() if value is not None}
    try:
        reply = http.request("POST", url, body=given, read_timeout=read_timeout)
    except http.Unreachable as error:
        raise BotApiUnreachable(method, maybe_done=error.maybe_done) from None
    answer = reply.body if isinstance(reply.body, dict) else {}
    if answer.get("ok") is True and "result" in answer:
        return answer["result"]
    details, error_code = answer.get("parameters"), answer.get("error_code")
    retry_after = details.get("retry_after") if isinstance(details, dict) else None
    if not isinstance(error_code, int):
        error_code = None
    raise BotApiError(
        method,
        # A gateway in front of Telegram responds with HTML. A 200 without a result counts as a bad gateway too.
        error_code or (reply.status if reply.status >= 400 else _UNREADABLE),
        str(answer.get("description", "")),
        retry_after if isinstance(retry_after, int) else None,
    )


def download(file_id: str, *, most_bytes: int) -> bytes:
    """Return the content of a file that somebody sent to the bot.

    One getFile and one GET. Telegram keeps a file for the bot, but promises no time. Raises BotApiError, also for a
    larger file; BotApiUnreachable, Unavailable (no token).
    """
    path = call("getFile", file_id=file_id).get("file_path")
    url = f"{settings().telegram_api_url}/file/bot{secrets.bot_token()}/{quote(str(path))}"
    try:
        content = http.download(url, most_bytes=most_bytes)
    except http.Unreachable:
        raise BotApiUnreachable("file", maybe_done=False) from None
    if content.status != 200 or content.body is None:
        raise BotApiError("file", 413 if content.status == 200 else content.status, "", None)
    return content.body

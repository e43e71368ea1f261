"""Telegram's Bot API: one method call, its result or why there is none.

No attempt is repeated here: a message that was sent twice is read twice. Whoever calls decides by the error.
"""

from typing import Any

from shared.aws import secrets
from shared.outbound import http
from shared.settings import settings

_UNREADABLE = 502


class BotApiError(Exception):
    """Telegram refused.

    `error_code` is its HTTP-like code: 400 the request is wrong, 403 the user blocked or never started the bot, 429 too
    many - wait `retry_after` seconds, the whole bot - and 5xx its own trouble, where nobody knows what was done.
    `description` is its sentence: to decide on, not to log, for it may repeat what was sent.
    """

    def __init__(self, method: str, error_code: int, description: str, retry_after: int | None) -> None:
        super().__init__(method, error_code)
        self.error_code = error_code
        self.description = description
        self.retry_after = retry_after


class BotApiUnreachable(Exception):
    """No answer. `maybe_done` tells that Telegram may have done it all the same."""

    def __init__(self, method: str, *, maybe_done: bool) -> None:
        super().__init__(method)
        self.maybe_done = maybe_done


def call(method: str, *, read_timeout: float = 5.0, **parameters: object) -> Any:
    """Call a method of the Bot API, as in `call("sendMessage", chat_id=1, text="…")`; its `result`.

    Parameters that are None are left out. One HTTP request, at most 2 s to connect and `read_timeout` seconds of
    silence; one ssm:GetParameter in five minutes. Raises BotApiError, BotApiUnreachable, Unavailable (no token).
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
    retry_after = answer.get("parameters", {}).get("retry_after")
    raise BotApiError(
        method,
        # A gateway in front of Telegram answers in HTML; a 200 that says nothing is no answer either.
        answer.get("error_code") or (reply.status if reply.status >= 400 else _UNREADABLE),
        str(answer.get("description", "")),
        retry_after if isinstance(retry_after, int) else None,
    )

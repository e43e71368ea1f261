"""The command /admin: a link that opens the operators' panel and logs the operator in."""

from typing import Any

from shared.bot import texts
from shared.bot.chats import explain, reply
from shared.bot.sending import BotMessage, Button
from shared.commands import logins
from shared.settings import operators


def invite(message: dict[str, Any], panel_url: str) -> None:
    """Reply to an operator with a single-use link to the panel, and a button that opens it as a Mini App.

    A Mini App gets fresh initData from Telegram. Anybody else gets the reply to an unknown command.
    The code is in the fragment of the link, so it is in no log of a server. The calls of `logins.issue` and `reply`.
    """
    sender = message.get("from")
    operator_id = sender.get("id") if isinstance(sender, dict) else None
    # In a group, everybody would see the link.
    if operator_id not in operators() or message["chat"].get("type") != "private":
        explain(message)
        return
    rows: list[list[Button]] = [[{"text": texts.OPEN_PANEL, "url": f"{panel_url}#code={logins.issue(operator_id)}"}]]
    # Telegram refuses a message with the address of a Mini App that is not HTTPS, as that of a local run.
    if panel_url.startswith("https://"):
        rows.append([{"text": texts.OPEN_PANEL_HERE, "web_app": {"url": panel_url}}])
    reply(message, BotMessage(texts.PANEL, rows))

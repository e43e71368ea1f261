"""Which refusals of Telegram mean that a person cannot be reached, until they write to the bot again.

The Bot API turns most errors of Telegram's own API into sentences with a 403, but not all of them: a 400 may have the
sentence, or the bare name of the error. Sources:

- the server of the Bot API: https://github.com/tdlib/telegram-bot-api, `fail_query_with_error` in `Client.cpp`
- collections of errors that bots met: https://github.com/TelegramBotAPI/errors, https://github.com/vrumger/telegram-errors
- the errors of Telegram's own API: https://core.telegram.org/method/messages.sendMessage
- a 400 `USER_IS_BLOCKED`: https://github.com/tucnak/telebot/issues/669
"""

_UNREACHABLE = (
    # The person blocked the bot.
    "user_is_blocked",
    "bot was blocked",
    "you_blocked_user",
    # The person deleted their account, or Telegram did.
    "user_deactivated",  # also INPUT_USER_DEACTIVATED and USER_DEACTIVATED_BAN
    "user is deactivated",
    # The person never started the bot, or the id belongs to nobody.
    "bot can't initiate conversation",
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "user_id_invalid",
    "chat_id_invalid",
    # The person or the group lets nobody of our kind write.
    "privacy_restricted",
    "privacy_premium_required",
    "chat_write_forbidden",
    "have no rights to send a message",
    "not enough rights to send",
    "user_is_bot",
    "can't send messages to bots",
    # The group is gone, or has another id.
    "chat was upgraded to a supergroup",
    "chat was migrated to a supergroup",
    "chat was deleted",
    "chat was deactivated",
    "bot was kicked",
    "bot is not a member",
    "channel_private",
)


def is_unreachable(error_code: int, description: str) -> bool:
    """Whether Telegram refused to send because this chat cannot be reached.

    `description` is Telegram's sentence, in any case. Every 403 of the Bot API is about the chat. A 403 without a
    sentence is none of the Bot API's: something between us and Telegram refused.
    """
    if error_code == 403:
        return bool(description)
    said = description.lower()
    return error_code == 400 and any(phrase in said for phrase in _UNREACHABLE)

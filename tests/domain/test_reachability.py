"""Refusals of Telegram that mean that a person cannot be reached."""

import pytest

from shared.domain.reachability import is_unreachable


@pytest.mark.parametrize(
    ("error_code", "description"),
    [
        (403, "Forbidden: bot was blocked by the user"),
        (403, "Forbidden: user is deactivated"),
        (403, "Forbidden: bot can't initiate conversation with a user"),
        (403, "Forbidden: bot was kicked from the group chat"),
        (403, "Forbidden: a sentence of next year"),
        (400, "Bad Request: USER_IS_BLOCKED"),
        (400, "Bad Request: user_is_blocked"),
        (400, "Bad Request: YOU_BLOCKED_USER"),
        (400, "Bad Request: bot was blocked by the user"),
        (400, "Bad Request: USER_DEACTIVATED"),
        (400, "Bad Request: USER_DEACTIVATED_BAN"),
        (400, "Bad Request: INPUT_USER_DEACTIVATED"),
        (400, "Bad Request: user is deactivated"),
        (400, "Bad Request: PEER_ID_INVALID"),
        (400, "Bad Request: USER_ID_INVALID"),
        (400, "Bad Request: CHAT_ID_INVALID"),
        (400, "Bad Request: chat not found"),
        (400, "Bad Request: Chat not found"),
        (400, "Bad Request: user not found"),
        (400, "Bad Request: bot can't initiate conversation with a user"),
        (400, "Bad Request: USER_PRIVACY_RESTRICTED"),
        (400, "Bad Request: PRIVACY_PREMIUM_REQUIRED"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN"),
        (400, "Bad Request: have no rights to send a message"),
        (400, "Bad Request: not enough rights to send text messages to the chat"),
        (400, "Bad Request: USER_IS_BOT"),
        (400, "Bad Request: bot can't send messages to bots"),
        (400, "Bad Request: group chat was upgraded to a supergroup chat"),
        (400, "Bad Request: group chat was migrated to a supergroup chat"),
        (400, "Bad Request: the group chat was deleted"),
        (400, "Bad Request: group chat was deactivated"),
        (400, "Bad Request: bot was kicked from the channel chat"),
        (400, "Bad Request: bot is not a member of the channel chat"),
        (400, "Bad Request: CHANNEL_PRIVATE"),
    ],
)
def test_refusals_that_mean_unreachable(error_code: int, description: str) -> None:
    assert is_unreachable(error_code, description) is True


@pytest.mark.parametrize(
    ("error_code", "description"),
    [
        (400, "Bad Request: can't parse entities"),
        (400, "Bad Request: message is too long"),
        (400, ""),
        (401, "Unauthorized"),
        (404, "Not Found: chat not found"),
        (429, "Too Many Requests: retry after 5"),
        (500, "Internal Server Error: USER_IS_BLOCKED"),
    ],
)
def test_other_refusals_say_nothing_of_the_person(error_code: int, description: str) -> None:
    assert is_unreachable(error_code, description) is False


def test_403_without_a_sentence_is_not_telegrams() -> None:
    assert is_unreachable(403, "") is False

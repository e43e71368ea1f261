"""Domain errors: a rule refused the request.

    DomainError
    ├── caller              Unauthenticated, InvalidInitData (InitDataExpired, SessionExpired), CredentialsTooOld,
    │                       LinkUsed, Banned, NotAnOperator, OwnCase, TooOften
    ├── webhooks            Unreadable, UnverifiedSender
    ├── orders              OrderNotFound, ContactBusy, OrderTaken, OrderNotActive, NotYourOrder, NobodyTookIt,
    │                       AlreadyAnswered, OwnOrder, AllSlotsTaken
    ├── reviews             NotReviewable, NobodyToReview, ExecutorDidNotTake, AlreadyReviewed, ReviewNotFound
    ├── complaints          OrderNotTakenByYou, AlreadyComplained, ComplaintNotFound, AlreadyHandled
    ├── people              UserNotFound, TooManyNotes
    ├── refunds             TakeNotFound, TakeNotOver, AlreadyRefunded, RefundNotFound, SecondOperatorNeeded,
    │                       RefundTooEarly, PaymentNotPaid
    ├── support             ThreadNotFound, PhotoNotFound, ThreadChanged
    ├── input               InvalidContact, InvalidReceiptContact
    └── money               InsufficientBalance, AmountOutOfLimits, PaymentNotFound, PaymentRefused,
                            RechargeUnavailable, ReceiptContactNeeded

Each class is one error response: `shared/error_responses.py` has its status, code and Russian sentence. A request that
ends in a domain error changed nothing. Failures of the service itself are in `shared/service_errors.py`.

    SocketError             InvalidTicket, ForeignOrigin, InvalidMessage, UnknownCity, UnknownCategory

A rule refused a socket or a message over it. There is no HTTP response to it but the status of a handshake.
"""


class DomainError(Exception):
    """A rule refused the request. The request changed nothing."""


# caller
class Unauthenticated(DomainError):
    """The request needs credentials and has none."""


class InvalidInitData(DomainError):
    """The credentials are not signed by Telegram for our bot, or are too old.

    `reason` is a stable word for the log; it contains nothing from the request.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InitDataExpired(InvalidInitData):
    """Telegram signed the initData for this bot, longer ago than it is accepted."""


class SessionExpired(InvalidInitData):
    """The operator's session is ours, and has ended."""


class CredentialsTooOld(DomainError):
    """The operator's initData is valid, and too old for a change."""


class LinkUsed(DomainError):
    """The operator's login code was used, has ended or never was."""


class Unreadable(DomainError):
    """The body of a webhook call is not in the format of Telegram or of the payment provider."""


class UnverifiedSender(DomainError):
    """A webhook call does not prove that it comes from Telegram or the payment provider."""


class Banned(DomainError):
    """An operator banned the caller: they can read, and change nothing."""


class NotAnOperator(DomainError):
    """The caller is authenticated, but is not an operator."""


class OwnCase(DomainError):
    """The operator is a party to what they want to decide about."""


class TooOften(DomainError):
    """The caller reached a rate limit. They may try again after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


# orders
class OrderNotFound(DomainError):
    """The order does not exist, or the caller may not change it."""


class ContactBusy(DomainError):
    """Another active order has this contact."""


class OrderTaken(DomainError):
    """An executor paid for this order: it can be neither edited nor deleted."""


class OrderNotActive(DomainError):
    """The order has ended."""


class NotYourOrder(DomainError):
    """Only its client may answer, close or complete an order."""


class NobodyTookIt(DomainError):
    """No executor has taken the order yet."""


class AlreadyAnswered(DomainError):
    """The client has already answered."""


class OwnOrder(DomainError):
    """A client cannot take their own order."""


class AllSlotsTaken(DomainError):
    """All slots of the order are taken."""


# reviews and complaints
class NotReviewable(DomainError):
    """Only a completed or an expired order can be reviewed."""


class NobodyToReview(DomainError):
    """No executor took the order, so there is none to review."""


class ExecutorDidNotTake(DomainError):
    """The executor to be reviewed did not take the order."""


class AlreadyReviewed(DomainError):
    """The client has already written the one review of the order."""


class OrderNotTakenByYou(DomainError):
    """Only an executor who took the order may complain about it."""


class AlreadyComplained(DomainError):
    """The executor has already made the one complaint about the order."""


# what operators do
class TakeNotFound(DomainError):
    """The order does not exist, or this executor did not take it."""


class TakeNotOver(DomainError):
    """The client can still answer, so nothing is refunded yet (I7)."""


class AlreadyRefunded(DomainError):
    """The price of the take has already been refunded."""


class PaymentNotPaid(DomainError):
    """The payment was not paid, so there is nothing to refund."""


class RefundNotFound(DomainError):
    """No refund of the payment waits for a second operator."""


class SecondOperatorNeeded(DomainError):
    """Another operator must approve the refund."""


class RefundTooEarly(DomainError):
    """A single operator approves their own refund after a day, not before."""


class ComplaintNotFound(DomainError):
    """The complaint does not exist."""


class AlreadyHandled(DomainError):
    """An operator has already handled the complaint."""


class UserNotFound(DomainError):
    """No user has this id or this username, as far as the service knows."""


class TooManyNotes(DomainError):
    """The user has as many notes of operators as are kept."""


class ReviewNotFound(DomainError):
    """The review does not exist."""


class ThreadNotFound(DomainError):
    """The person wrote nothing to the bot, or its retention is over."""


class PhotoNotFound(DomainError):
    """The message has no photo, or Telegram has it no more."""


class ThreadChanged(DomainError):
    """The person wrote another message, which the operator has not seen."""


# input that the request schema cannot check
class InvalidContact(DomainError):
    """The contact is neither a Telegram username nor a Russian phone number."""


class InvalidReceiptContact(DomainError):
    """The contact for receipts is neither an e-mail nor a Russian phone number."""


# money
class InsufficientBalance(DomainError):
    """The balance is below the price."""


class AmountOutOfLimits(DomainError):
    """The payment provider takes payments of `least` to `most` roubles only."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__(least, most)
        self.least = least
        self.most = most


class PaymentNotFound(DomainError):
    """The payment does not exist, or belongs to another user."""


class PaymentRefused(DomainError):
    """The payment provider refuses the payment, or its refund, for good: a repeated call would not help.

    `reason` is the provider's code, such as AMOUNT_TOO_SMALL; None if it gave none.
    """

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason


class RechargeUnavailable(DomainError):
    """Only a local stage credits a balance without a payment."""


class ReceiptContactNeeded(DomainError):
    """The payment provider needs a contact for the fiscal receipt, and the payer has not given one."""


# live updates
class SocketError(Exception):
    """A rule refused a socket, or a message over it. The message changed nothing."""


class InvalidTicket(SocketError):
    """The ticket of a socket is forged, malformed or expired."""


class ForeignOrigin(SocketError):
    """A page of another origin than the WebApp's and the service's own opens a socket."""


class InvalidMessage(SocketError):
    """A client's message is none of those that a socket understands."""


class UnknownCity(SocketError):
    """No city has this name."""


class UnknownCategory(SocketError):
    """There is no such category."""

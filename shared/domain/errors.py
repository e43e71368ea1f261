"""Domain errors: what a rule refuses.

    DomainError
    ├── who is asking       Unauthenticated, InvalidInitData, Banned, NotAnOperator, TooOften
    ├── webhooks            Unreadable, UnverifiedSender
    ├── orders              OrderNotFound, ContactBusy, OrderTaken, OrderNotActive, NotYourOrder, NobodyTookIt,
    │                       AlreadyAnswered, OwnOrder, AllSlotsTaken
    ├── reviews             NotReviewable, NobodyToReview, ExecutorDidNotTake, AlreadyReviewed
    ├── complaints          OrderNotTakenByYou, AlreadyComplained, ComplaintNotFound, AlreadyHandled
    ├── refunds             TakeNotFound, TakeNotOver, AlreadyRefunded
    ├── input               InvalidContact
    └── money               InsufficientBalance, PaymentNotFound, RechargeUnavailable

Each class is one error response: `shared/error_responses.py` has its status, code and Russian sentence. A request that
ends in a domain error changed nothing. Failures of the service itself are in `shared/service_errors.py`.
"""


class DomainError(Exception):
    """A rule refused the request; nothing was changed."""


# who is asking
class Unauthenticated(DomainError):
    """No credentials where they are needed."""


class InvalidInitData(DomainError):
    """The credentials are not what Telegram signed for us, or are too old.

    `reason` is a stable word for the log; it holds nothing of what was sent.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unreadable(DomainError):
    """What Telegram or a payment provider is said to have sent is nothing that they send."""


class UnverifiedSender(DomainError):
    """Not from Telegram or a payment provider, as far as the request can prove it."""


class Banned(DomainError):
    """An operator banned the caller: he reads, and changes nothing."""


class NotAnOperator(DomainError):
    """The caller is somebody, but none of those who run the service."""


class TooOften(DomainError):
    """The caller did this as often as he may for now; `retry_after` seconds later he may again."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


# orders
class OrderNotFound(DomainError):
    """There is no such order, or it is not the caller's to change."""


class ContactBusy(DomainError):
    """Another active order has this contact."""


class OrderTaken(DomainError):
    """Somebody paid for this order: it can be neither edited nor deleted."""


class OrderNotActive(DomainError):
    """The order has ended."""


class NotYourOrder(DomainError):
    """Only its owner answers, closes or completes an order."""


class NobodyTookIt(DomainError):
    """There is nobody yet to answer."""


class AlreadyAnswered(DomainError):
    """The client answered before."""


class OwnOrder(DomainError):
    """A client cannot take his own order."""


class AllSlotsTaken(DomainError):
    """As many executors as an order allows have taken it."""


# reviews and complaints
class NotReviewable(DomainError):
    """A review is for an order that was completed or expired."""


class NobodyToReview(DomainError):
    """Nobody took the order: there is no executor to review."""


class ExecutorDidNotTake(DomainError):
    """The executor to be reviewed did not take the order."""


class AlreadyReviewed(DomainError):
    """The client's one review of the order is there."""


class OrderNotTakenByYou(DomainError):
    """Only who took an order complains of it."""


class AlreadyComplained(DomainError):
    """The executor's one complaint about the order is there."""


# what operators do
class TakeNotFound(DomainError):
    """There is no such take of such an order."""


class TakeNotOver(DomainError):
    """The order can still be answered: nothing is refunded yet (I7)."""


class AlreadyRefunded(DomainError):
    """What the take cost was given back before."""


class ComplaintNotFound(DomainError):
    """There is no such complaint."""


class AlreadyHandled(DomainError):
    """An operator handled the complaint before."""


# input that only a rule can judge
class InvalidContact(DomainError):
    """Neither a Telegram username nor a Russian phone."""


# money
class InsufficientBalance(DomainError):
    """The balance is below the price."""


class PaymentNotFound(DomainError):
    """There is no such payment, or it is somebody else's."""


class RechargeUnavailable(DomainError):
    """A balance is credited without a payment on a developer's machine only."""

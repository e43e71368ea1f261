"""The window and the digest: the first offer goes out at once, later orders are collected, none is lost or repeated."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.domain import delivery as deliveries
from shared.domain import inbox as inboxes
from shared.domain.delivery import MAX_TRIES, Delivery, Outcome
from shared.domain.inbox import Inbox
from shared.domain.messages import Digest, Offer, offer_or_digest
from shared.domain.order import Order, Status, with_take
from shared.domain.user import User

HOUR = 3_600_000
MINUTE = 60_000
EXECUTOR = User(id=7, notifications_enabled=True, settings_version=1)
NOW = 30 * MINUTE

# Arrivals are twice as likely as the rest.
OUTCOMES = [Outcome.ARRIVED, Outcome.ARRIVED, Outcome.MISSED, Outcome.IN_DOUBT, "crash before", "crash after"]


def order(number: int, created_at: int = 0) -> Order:
    return Order(
        id=f"{number:012d}",
        client_id=1,
        category="Клининг",
        city="Казань",
        description="Потоп: убрать воду и просушить полы",
        contact="@pipe",
        contact_key="key",
        created_at=created_at,
        expires_at=created_at + HOUR,
    )


def filled(stored: Order) -> Order:
    for executor in (11, 12, 13):
        stored = with_take(stored, executor, price=2, answer_window_ms=15 * MINUTE, now=stored.created_at)
    return stored


def test_first_order_is_sent_at_once_and_the_rest_as_a_digest() -> None:
    first, second, third = order(1), order(2), order(3)
    inbox = inboxes.with_order(Inbox(), first)
    assert inboxes.next_step(inbox, 0) == "send"
    inbox = inboxes.after(inboxes.claim(inbox, [first], frequency=5, now=0), Outcome.ARRIVED, 0)
    assert inboxes.next_step(inbox, 0) == "nothing"
    for later in (second, third):
        inbox = inboxes.with_order(inbox, later)
        assert inboxes.next_step(inbox, 5 * MINUTE - 1) == "collect"
    assert inboxes.next_step(inbox, 5 * MINUTE) == "send"
    inbox = inboxes.claim(inbox, [second, third], frequency=5, now=5 * MINUTE)
    assert set(inbox.sending) == {second.id, third.id}
    assert inbox.window_ends_at == 10 * MINUTE


def test_an_empty_digest_opens_no_window() -> None:
    inbox = inboxes.claim(inboxes.with_order(Inbox(window_ends_at=5), order(1)), [], frequency=5, now=9)
    assert (inbox.delivery, inbox.window_ends_at, inboxes.next_step(inbox, 9)) == (None, 5, "nothing")


def test_unwritten_inbox_has_no_version_and_no_wait() -> None:
    assert Inbox() == Inbox(window_ends_at=0, collected={}, sending={}, told={}, delivery=None, version=0)
    assert inboxes.next_step(Inbox(), 0) == "nothing"


def on_its_way(*numbers: int, tries: int = 1, held_until: int = NOW + deliveries.HELD_MS) -> Inbox:
    """An inbox that is sending these orders in a window of five minutes; "c" is collected, "t" was told before."""
    return Inbox(
        window_ends_at=NOW + 5 * MINUTE,
        collected={"c": HOUR},
        sending={order(number).id: HOUR for number in numbers},
        told={"t": HOUR},
        delivery=Delivery(tries, held_until),
        version=4,
    )


def over(*numbers: int, window_ends_at: int = 0) -> Inbox:
    """The same inbox after the send."""
    told = {"t": HOUR} | {order(number).id: HOUR for number in numbers}
    return Inbox(window_ends_at=window_ends_at, collected={"c": HOUR}, told=told, version=4)


def test_claim_of_collected_orders_lasts_as_long_as_a_sender() -> None:
    waiting = Inbox(collected={order(1).id: HOUR, order(2).id: HOUR}, told={"t": HOUR}, version=4)
    assert inboxes.claim(waiting, [order(2)], frequency=5, now=NOW) == replace(on_its_way(2), collected={})


def test_a_claimed_inbox_has_no_second_sender() -> None:
    inbox = on_its_way(1)
    assert inboxes.next_step(inbox, NOW + 75_000 - 1) == "somebody_sends"
    assert inboxes.next_step(inbox, NOW + 75_000) == "send_again"


def test_arrived_orders_are_told_and_their_window_stays() -> None:
    assert inboxes.after(on_its_way(1, 2), Outcome.ARRIVED, NOW) == over(1, 2, window_ends_at=NOW + 5 * MINUTE)


@pytest.mark.parametrize("outcome", [Outcome.UNREACHABLE, Outcome.REFUSED, Outcome.ENDED])
def test_a_message_that_did_not_arrive_opens_no_window(outcome: Outcome) -> None:
    inbox = inboxes.after(on_its_way(1, 2), outcome, NOW)
    assert inbox == over(1, 2)
    assert inboxes.next_step(inbox, NOW) == "send"


def test_a_missed_send_is_free_at_once_and_does_not_count() -> None:
    inbox = inboxes.after(on_its_way(1, tries=2), Outcome.MISSED, NOW)
    assert inbox == on_its_way(1, tries=1, held_until=NOW)
    assert inboxes.next_step(inbox, NOW) == "send_again"


def test_a_send_in_doubt_rests_and_counts() -> None:
    """A new order must not use up the next try: during an outage, orders may come every second."""
    inbox = inboxes.after(on_its_way(1, tries=2), Outcome.IN_DOUBT, NOW)
    assert inbox == on_its_way(1, tries=2, held_until=NOW + 5 * MINUTE)
    assert inboxes.next_step(inbox, NOW + 5 * MINUTE - 1) == "somebody_sends"
    assert inboxes.next_step(inbox, NOW + 5 * MINUTE) == "send_again"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcome_settled_by_another_sender_stays(outcome: Outcome) -> None:
    settled = over(1, window_ends_at=NOW + 5 * MINUTE)
    assert inboxes.after(settled, outcome, NOW) == settled


@pytest.mark.parametrize("tries", [0, 1, 2])
def test_orders_that_are_still_open_are_sent_again(tries: int) -> None:
    """Orders that are over are crossed out. The window has the length of the current setting."""
    again = inboxes.reclaim(on_its_way(1, 2, tries=tries, held_until=0), [order(2)], frequency=7, now=NOW + MINUTE)
    claim = Delivery(tries + 1, NOW + MINUTE + 75_000)
    assert again == replace(over(1, 2, window_ends_at=NOW + 8 * MINUTE), sending={order(2).id: HOUR}, delivery=claim)


def test_nothing_is_sent_again_if_no_order_is_open() -> None:
    """The executor may have got the message, so its window stays."""
    again = inboxes.reclaim(on_its_way(1, tries=1), [], frequency=5, now=NOW + MINUTE)
    assert again == over(1, window_ends_at=NOW + 5 * MINUTE)


def test_order_ended_before_it_was_sent_opens_no_window() -> None:
    again = inboxes.reclaim(on_its_way(1, tries=0, held_until=0), [], frequency=5, now=NOW + MINUTE)
    assert again == over(1)
    assert inboxes.next_step(again, NOW + MINUTE) == "send"


def test_a_send_is_given_up_after_three_doubts() -> None:
    again = inboxes.reclaim(on_its_way(1, tries=3), [order(1)], frequency=5, now=NOW + MINUTE)
    assert again == over(1, window_ends_at=NOW + 5 * MINUTE)


def test_window_opens_when_missed_message_is_sent_late() -> None:
    """Found by the state machine below: without the window, the next message followed at once."""
    missed = inboxes.after(
        inboxes.claim(inboxes.with_order(Inbox(), order(1)), [order(1)], frequency=5, now=0), Outcome.MISSED, 0
    )
    told = inboxes.after(inboxes.reclaim(missed, [order(1)], frequency=5, now=5 * MINUTE), Outcome.ARRIVED, 5 * MINUTE)
    inbox = inboxes.with_order(told, order(2))
    assert inboxes.next_step(inbox, 10 * MINUTE - 1) == "collect"
    assert inboxes.next_step(inbox, 10 * MINUTE) == "send"


def test_expired_orders_are_removed_from_the_inbox() -> None:
    inbox = Inbox(collected={"a": 5, "b": 6}, told={"c": 5, "d": 6})
    assert inboxes.tidy(inbox, 5) == Inbox(collected={"b": 6}, told={"d": 6})


def test_drop_reasons_of_an_offer() -> None:
    stored, now = order(1), HOUR - 1
    assert inboxes.drop_reason(stored, EXECUTOR, now) is None
    assert inboxes.drop_reason(None, EXECUTOR, now) == Outcome.ENDED
    assert inboxes.drop_reason(stored, EXECUTOR, HOUR) == Outcome.ENDED
    assert inboxes.drop_reason(replace(stored, status=Status.DELETED), EXECUTOR, now) == Outcome.ENDED
    assert inboxes.drop_reason(filled(stored), EXECUTOR, 1) == Outcome.FILLED
    assert inboxes.drop_reason(stored, replace(EXECUTOR, chat_open=False), now) == Outcome.UNREACHABLE
    assert inboxes.drop_reason(stored, replace(EXECUTOR, notifications_enabled=False), now) == Outcome.UNSUBSCRIBED
    assert (
        inboxes.drop_reason(stored, replace(EXECUTOR, preferred_categories=("Электрика",)), now) == Outcome.UNSUBSCRIBED
    )
    assert inboxes.drop_reason(stored, replace(EXECUTOR, preferred_cities=("Москва",)), now) == Outcome.UNSUBSCRIBED
    assert inboxes.drop_reason(stored, replace(EXECUTOR, id=1), now) == Outcome.UNSUBSCRIBED


class Messages(RuleBasedStateMachine):
    """Orders arrive, are delivered twice, end and fill; senders die; Telegram refuses or times out."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000
        self.inbox = Inbox()
        self.orders: dict[str, Order] = {}
        self.gone: set[str] = set()
        self.seen: list[tuple[int, frozenset[str]]] = []
        self.doubts: dict[str, int] = {}
        self.under_way: Inbox | None = None

    def standing(self, ids: object) -> list[Order]:
        return [
            stored
            for key, stored in self.orders.items()
            if key in ids and key not in self.gone and inboxes.drop_reason(stored, EXECUTOR, self.now) is None  # type: ignore[operator]
        ]

    @rule()
    def new_order(self) -> None:
        stored = order(len(self.orders), self.now)
        self.orders[stored.id] = stored
        self.inbox = inboxes.with_order(inboxes.tidy(self.inbox, self.now), stored)

    @rule(which=st.integers(0, 20))
    def the_queue_brings_an_order_again(self, which: int) -> None:
        known = [
            stored for stored in self.orders.values() if self.now < stored.expires_at and stored.id not in self.gone
        ]
        if known:
            stored = known[which % len(known)]
            before = self.inbox
            self.inbox = inboxes.with_order(before, stored)
            assert self.inbox == before

    @rule(which=st.integers(0, 20))
    def an_order_ends(self, which: int) -> None:
        if self.orders:
            self.gone.add(list(self.orders)[which % len(self.orders)])

    @rule(minutes=st.sampled_from([0, 1, 4, 5, 20]))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(
        outcome=st.sampled_from(
            [Outcome.ARRIVED, Outcome.ARRIVED, Outcome.MISSED, Outcome.IN_DOUBT, "crash before", "crash after"]
        )
    )
    def somebody_comes(self, outcome: str) -> None:
        self.inbox = inboxes.tidy(self.inbox, self.now)
        match inboxes.next_step(self.inbox, self.now):
            case "send":
                self.inbox = inboxes.claim(self.inbox, self.standing(self.inbox.collected), frequency=5, now=self.now)
            case "send_again":
                assert self.inbox.delivery is not None
                self.inbox = inboxes.reclaim(self.inbox, self.standing(self.inbox.sending), frequency=5, now=self.now)
            case _:
                return
        if self.inbox.delivery is None:
            return
        assert deliveries.is_held(self.inbox.delivery, self.now)
        assert inboxes.next_step(self.inbox, self.now) == "somebody_sends"
        sending = frozenset(self.inbox.sending)
        if outcome in (Outcome.ARRIVED, Outcome.IN_DOUBT, "crash after"):
            self.seen.append((self.now, sending))
        if outcome in (Outcome.IN_DOUBT, "crash before", "crash after"):
            for key in sending:
                self.doubts[key] = self.doubts.get(key, 0) + 1
        if not outcome.startswith("crash"):
            known: Outcome = outcome  # type: ignore[assignment]
            self.inbox = inboxes.after(self.inbox, known, self.now)

    @invariant()
    def nothing_is_sent_twice_unless_in_doubt(self) -> None:
        for key in self.orders:
            times = sum(key in told for _, told in self.seen)
            assert times <= min(1 + self.doubts.get(key, 0), MAX_TRIES)

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every order that can still be taken was told, is being sent, or is collected."""
        for stored in self.standing(self.orders):
            assert self.inbox.knows(stored.id)
            told = any(stored.id in seen for _, seen in self.seen)
            given_up = self.doubts.get(stored.id, 0) >= MAX_TRIES
            assert told or given_up or stored.id in self.inbox.sending or stored.id in self.inbox.collected

    @invariant()
    def messages_keep_their_distance(self) -> None:
        """Two messages with different orders are at least a window apart."""
        new = [
            at for number, (at, told) in enumerate(self.seen) if not any(told & seen for _, seen in self.seen[:number])
        ]
        for earlier, later in pairwise(new):
            assert later - earlier >= 5 * MINUTE or self.doubts


TestMessages = Messages.TestCase
TestMessages.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


# ---------------------------------------------------------------- the plan of a message

OFFER = Offer(user_id=7, order_id=order(1).id, due_at=0)
DIGEST = Digest(user_id=7, window_ends_at=5 * MINUTE, due_at=5 * MINUTE)


def planned(read: Inbox, message: Offer | Digest, known: Order | None, now: int, *others: Order) -> inboxes.Plan:
    """The plan, given exactly the orders that `needed` asks for."""
    there = {kept.id: kept for kept in (*([known] if known else []), *others)}
    needed = inboxes.needed(read, EXECUTOR, message, known, now)
    found = [there[order_id] for order_id in needed if order_id in there]
    return inboxes.plan(read, EXECUTOR, message, known, found, now)


def test_offer_to_an_empty_inbox_is_claimed_and_sent() -> None:
    plan = planned(Inbox(), OFFER, order(1), MINUTE)
    claimed = inboxes.claim(inboxes.with_order(Inbox(), order(1)), [order(1)], frequency=10, now=MINUTE)
    assert plan == inboxes.Plan(claimed, changed=True, send=[order(1)])
    assert inboxes.needed(Inbox(), EXECUTOR, OFFER, order(1), MINUTE) == {order(1).id: HOUR}


def test_offer_in_an_open_window_is_collected_with_a_digest() -> None:
    read = Inbox(window_ends_at=5 * MINUTE, told={"t": HOUR}, version=3)
    plan = planned(read, OFFER, order(1), MINUTE)
    digest = Digest(7, 5 * MINUTE, due_at=5 * MINUTE)
    assert plan == inboxes.Plan(inboxes.with_order(read, order(1)), changed=True, send=[], digest=digest, collects=True)
    assert inboxes.needed(read, EXECUTOR, OFFER, order(1), MINUTE) == {}


def test_second_collected_order_queues_no_digest() -> None:
    read = Inbox(window_ends_at=5 * MINUTE, collected={order(2).id: HOUR})
    plan = planned(read, OFFER, order(1), MINUTE)
    assert (plan.collects, plan.digest, plan.changed, list(plan.send)) == (True, None, True, [])


def test_known_order_changes_nothing() -> None:
    read = Inbox(window_ends_at=5 * MINUTE, told={order(1).id: HOUR})
    assert planned(read, OFFER, order(1), MINUTE) == inboxes.Plan(read, send=[])


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (None, Outcome.ENDED),
        (replace(order(1), status=Status.DELETED), Outcome.ENDED),
        (filled(order(1)), Outcome.FILLED),
    ],
)
def test_offer_that_is_no_news_is_dropped_unwritten(known: Order | None, reason: Outcome) -> None:
    read = Inbox(collected={order(2).id: HOUR})
    assert planned(read, OFFER, known, MINUTE, order(2)) == inboxes.Plan(read, dropped={reason: [order(1).id]})


def test_order_that_is_being_sent_is_reclaimed_without_the_ended() -> None:
    read = on_its_way(1, 2, held_until=0)
    plan = planned(read, OFFER, None, NOW, order(2))
    assert plan.inbox == inboxes.reclaim(read, [order(2)], frequency=10, now=NOW)
    assert (plan.changed, plan.send, plan.dropped) == (True, [order(2)], {Outcome.ENDED: [order(1).id]})
    assert inboxes.needed(read, EXECUTOR, OFFER, None, NOW) == read.sending


def test_doubt_for_the_last_time_drops_the_order() -> None:
    plan = planned(on_its_way(1, tries=MAX_TRIES, held_until=0), DIGEST, None, NOW, order(1))
    assert (plan.send, plan.dropped) == ([], {Outcome.IN_DOUBT: [order(1).id]})
    assert plan.inbox.delivery is None


def test_held_claim_is_retried_when_it_runs_out() -> None:
    read = on_its_way(1)
    for message in (DIGEST, OFFER):
        assert planned(read, message, order(1), NOW) == inboxes.Plan(read, retry_at=NOW + deliveries.HELD_MS)


def test_new_order_during_a_claim_is_collected() -> None:
    read = replace(on_its_way(2), collected={})
    plan = planned(read, OFFER, order(1), NOW)
    assert (plan.collects, plan.send, plan.dropped, plan.retry_at) == (True, [], {}, None)
    assert plan.digest == Digest(7, read.window_ends_at, due_at=read.window_ends_at)


def test_digest_before_its_window_ends_is_retried_then() -> None:
    read = Inbox(window_ends_at=6 * MINUTE, collected={order(1).id: HOUR})
    assert planned(read, DIGEST, None, 5 * MINUTE) == inboxes.Plan(read, retry_at=6 * MINUTE)


def test_digest_sends_what_stands_and_drops_the_rest() -> None:
    read = Inbox(window_ends_at=5 * MINUTE, collected={order(number).id: HOUR for number in (1, 2, 3)})
    plan = planned(read, DIGEST, None, 5 * MINUTE, order(2), filled(order(3)))
    assert plan.send == [order(2)]
    assert plan.dropped == {Outcome.ENDED: [order(1).id, order(3).id]}
    assert (plan.collects, plan.digest) == (False, None)


def test_digest_of_an_overdue_window_is_due_at_once() -> None:
    read = replace(on_its_way(2), collected={}, window_ends_at=NOW - 1)
    assert planned(read, OFFER, order(1), NOW).digest == Digest(7, NOW - 1, due_at=NOW)


def test_queue_of_offers_holds_both_kinds_of_messages() -> None:
    assert offer_or_digest(user_id=1, order_id="a", due_at=2) == Offer(1, "a", 2)
    assert offer_or_digest(user_id=1, window_ends_at=3, due_at=2) == Digest(1, 3, 2)

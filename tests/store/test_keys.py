"""Every key as it is stored. Items are in the table under these texts, so a change of one would lose what it names."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from shared.domain.live import Watch
from shared.domain.notice import Notice
from shared.domain.order import CATEGORIES, Order, Status, Take, listed
from shared.domain.support import Thread
from shared.store import keys

NOW = 1_790_000_000_000
ORDER = Order(
    id="AAAAAAAAAAAA",
    client_id=1,
    category="Клининг",
    city="Уфа",
    description="Прорвало трубу на кухне",
    contact="@burst_pipe",
    contact_key="key",
    created_at=123,
    expires_at=NOW,
)


def changed(**fields: Any) -> Order:
    return Order(**{name: getattr(ORDER, name) for name in ORDER.__dataclass_fields__} | fields)


ITEMS: dict[str, tuple[Callable[[], Any], tuple[str, str]]] = {
    "user": (lambda: keys.user(7), ("USER#7", "USER")),
    "notes": (lambda: keys.notes(7), ("USER#7", "NOTES")),
    "entry": (lambda: keys.ledger_entry(7, "TAKE#a"), ("USER#7", "LEDGER#TAKE#a")),
    "order": (lambda: keys.order("a"), ("ORDER#a", "ORDER")),
    "review": (lambda: keys.review("a", 7), ("ORDER#a", "REVIEW#7")),
    "complaint": (lambda: keys.complaint("a", 7), ("ORDER#a", "COMPLAINT#7")),
    "integer id": (lambda: keys.integer_id(7), ("ID#7", "ID")),
    "payment": (lambda: keys.payment(7), ("PAYMENT#7", "PAYMENT")),
    "charge": (lambda: keys.charge("yookassa", "c"), ("CHARGE#yookassa#c", "CHARGE")),
    "cursor": (lambda: keys.cursor("yookassa"), ("CURSOR#yookassa", "CURSOR")),
    "inbox": (lambda: keys.inbox(7), ("INBOX#7", "INBOX")),
    "notice": (lambda: keys.notice(Notice("taken", "a", 7, NOW, 2)), ("NOTICE#a", "taken#2#7")),
    "first notification": (lambda: keys.first_notification("a"), ("NOTICE#a", "FIRST")),
    "pace": (lambda: keys.pace(None), ("PACE#all", "PACE")),
    "pace of a chat": (lambda: keys.pace(7), ("INBOX#7", "INBOX")),
    "reads": (lambda: keys.reads(7), ("READS#7", "READS")),
    "update": (lambda: keys.update(7), ("UPDATE#7", "UPDATE")),
    "action": (lambda: keys.action("t"), ("ACTION#t", "ACTION")),
    "refund": (lambda: keys.refund(7), ("REFUND#7", "REFUND")),
    "refunded by": (lambda: keys.refunded_by(7, 20_000), ("REFUNDED#7#20000", "REFUNDED")),
    "login": (lambda: keys.login("h"), ("LOGIN#h", "LOGIN")),
    "told": (lambda: keys.told("a"), ("TOLD#a", "TOLD")),
    "stats": (lambda: keys.stats(date(2026, 9, 1), None), ("STATS#2026-09-01", "STATS")),
    "stats of a city": (lambda: keys.stats(date(2026, 9, 1), "Уфа"), ("STATS#2026-09-01", "STATS#Уфа")),
    "connection": (lambda: keys.connection("x"), ("CONNECTION#x", "CONNECTION")),
    "connection of a user": (lambda: keys.connection_of(7, 123, "x"), ("CONNECTIONS#7", "0000000000123#x")),
    "watcher": (lambda: keys.watcher(Watch("Уфа", "Другое"), "x"), ("WATCHERS#Уфа#Другое", "x")),
    "live messages": (lambda: keys.live_messages(7), ("READS#7", "LIVE")),
    "live pace": (keys.live_pace, ("PACE#live", "PACE")),
    "thread": (lambda: keys.thread(7), ("THREAD#7", "THREAD")),
    "message of a thread": (lambda: keys.thread_message(7, "m"), ("THREAD#7", "m")),
    "watch": (lambda: keys.watch(7), ("WATCH#7", "WATCH")),
    "contact lock": (lambda: keys.contact_lock("k"), ("CONTACT#k", "CONTACT")),
}


@pytest.mark.parametrize(("key", "stored"), ITEMS.values(), ids=ITEMS.keys())
def test_item_has_this_key(key: Callable[[], Any], stored: tuple[str, str]) -> None:
    assert key() == {"pk": stored[0], "sk": stored[1]}


def test_names_in_keys_are_read_back() -> None:
    assert keys.token_of(keys.action("t#ACTION#")) == "t#ACTION#"
    assert keys.order_id_of(keys.order("a")) == "a"
    assert keys.order_id_of(keys.ledger_entry(7, "TAKE#a")) == "a"
    assert keys.order_id_at(keys.list_sk(ORDER)) == keys.order_id_at(keys.timeline_sk(ORDER)) == ORDER.id
    assert keys.user_id_of(keys.user(7)) == keys.user_id_of(keys.ledger_entry(7, "TAKE#a")) == 7
    assert keys.contact_key_of(keys.contact_lock("k#l")) == "k#l"
    assert keys.told_about(keys.told("a")) == keys.order_of_complaint(keys.complaint("a", 7)) == "a"
    assert keys.stats_day(keys.stats(date(2026, 9, 1), "Уфа")) == date(2026, 9, 1)
    assert keys.payment_id_of(keys.refund(7)) == 7


def test_charge_of_an_entry_is_that_of_its_payment() -> None:
    assert keys.charge_of({"cause": "PAYMENT#yookassa#c"}) == keys.charge("yookassa", "c")
    for cause in ("TAKE#a", "REVERSAL#yookassa#c#1", "RECHARGE#PAYMENT"):
        assert keys.charge_of({"cause": cause}) is None


def test_end_of_an_hour_is_read_from_a_sort_key() -> None:
    assert keys.hour_ends_at(keys.list_sk(ORDER)) == NOW
    for text in ("", "0000000000500", "0000000000500#", "x#AAAAAAAAAAAA", "#AAAAAAAAAAAA"):
        assert keys.hour_ends_at(text) is None


def test_cells_of_a_subscription_are_read_back() -> None:
    [item] = keys.subscriptions(7, ["Уфа"], ["Сантехника", "Клининг", "Электрика"][::2])
    assert list(keys.subscribed_cells(item)) == [("Уфа", "Сантехника"), ("Уфа", "Электрика")]
    [item] = keys.subscriptions(7, [], [])
    assert list(keys.subscribed_cells(item)) == [("*", "*")]


# A known answer of HMAC with SHA-256.
RFC_4231_CASE_2 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_contact_key_is_the_hmac_sha256_of_the_normal_form() -> None:
    assert keys.contact_key("what do ya want for nothing?", "Jefe") == RFC_4231_CASE_2
    assert keys.contact_key("телефон", "ключ") != keys.contact_key("телефон", "ключи")


def test_indexes_have_these_names_and_attributes() -> None:
    """As in template.yaml."""
    assert [keys.Index(f"list{number}", f"list{number}_pk", "list_sk") for number in (1, 2, 3, 4)] == [
        keys.LIST1,
        keys.LIST2,
        keys.LIST3,
        keys.LIST4,
    ]
    assert keys.Index("timeline", "timeline_pk", "timeline_sk") == keys.TIMELINE
    assert keys.Index("due", "due_pk", "due_at") == keys.DUE
    assert (keys.LISTED, keys.ANY) == ("listed", "*")
    assert keys.ORDER_LISTS == ("list1_pk", "list2_pk", "list3_pk", "list4_pk")
    assert (keys.REFUNDS_WAITING, keys.DUE_REFUNDS) == ("REFUNDS_WAITING", "DUE_REFUNDS")
    assert (keys.DUE_PAYMENTS, keys.ACTIONS, keys.HIDDEN_REVIEWS) == ("DUE_PAYMENTS", "ACTIONS", "REVIEWS_HIDDEN")


LISTS = {
    (None, None): (keys.LIST1, "ORDERS#active"),
    ("Уфа", None): (keys.LIST2, "ORDERS#active#Уфа"),
    (None, "Клининг"): (keys.LIST3, "ORDERS#active#Клининг"),
    ("Уфа", "Клининг"): (keys.LIST4, "ORDERS#active#Уфа#Клининг"),
}


@pytest.mark.parametrize(("city", "category"), LISTS)
def test_order_is_where_its_list_is_read(city: str | None, category: str | None) -> None:
    index, partition = LISTS[city, category]
    assert keys.order_list(Status.ACTIVE, city, category) == (index, partition)
    assert keys.order_list_keys(ORDER)[index.pk] == partition
    assert len(keys.order_list_keys(ORDER)) == len(LISTS)


def test_removed_order_is_in_no_public_list() -> None:
    assert keys.order_list_keys(changed(removed_at=1, status=Status.DELETED)) == {}


def test_sort_keys_grow_with_time() -> None:
    assert keys.list_sk(ORDER) == keys.list_sk(listed(ORDER)) == f"{NOW}#{ORDER.id}"
    assert keys.hour_ends(123) == "0000000000123"
    assert keys.timeline_sk(ORDER) == f"0000000000123#{ORDER.id}"
    assert keys.review_sk(123, 7) == "0000000000123#7"
    assert [keys.id_sk(id) for id in (-1, 0, 1, 2**53 - 1)] == [
        "0000000000000000",
        "0000000000000000",
        "0000000000000001",
        "9007199254740991",
    ]
    assert keys.subscriber_sk(7) == "0000000000000007"


def test_order_is_due_at_its_next_deadline() -> None:
    due = keys.due_keys
    assert due(ORDER) == {"due_pk": "DUE", "due_at": NOW}
    takes = {2: Take(2, 123, 2, 1)}
    assert due(changed(takes=takes, answer_due_at=NOW - 1)) == {"due_pk": "DUE", "due_at": NOW - 1}
    expired = changed(status=Status.EXPIRED, takes=takes, answer_due_at=NOW + 1)
    assert due(expired) == {"due_pk": "DUE_EXPIRED", "due_at": NOW + 1}
    assert due(changed(status=Status.COMPLETED)) == {"due_pk": "ENDED#1970-01-01", "due_at": 123}


def test_partitions_have_these_names() -> None:
    assert (keys.orders_of(7), keys.taken_by(7), keys.ledger_of(7)) == ("ORDERS_OF#7", "TAKEN#7", "LEDGER_OF#7")
    assert (keys.complaints(handled=False), keys.complaints(handled=True)) == ("COMPLAINTS", "COMPLAINTS_HANDLED")
    assert keys.review_list(None) == (keys.LIST1, "REVIEWS")
    assert keys.review_list(5) == (keys.LIST2, "REVIEWS#5")
    assert keys.reviews_of(7) == (keys.LIST3, "REVIEWS_OF#7")
    assert keys.reviews_by(7) == (keys.LIST4, "REVIEWS_BY#7")
    assert keys.payments_of(7) == "PAYMENTS_OF#7"
    assert (keys.ended_on(date(2026, 9, 1)), keys.topped_up_on(date(2026, 9, 1))) == (
        "ENDED#2026-09-01",
        "TOPPED_UP#2026-09-01",
    )
    assert keys.complaints_by(7) == (keys.LIST1, "COMPLAINTS_BY#7")
    assert keys.complaints_about(7) == (keys.LIST2, "COMPLAINTS_ABOUT#7")


def test_user_is_listed_under_the_username_in_any_case() -> None:
    sk = {"timeline_sk": "0000000000000007"}
    assert keys.name_keys(7, "Anna_K") == {"timeline_pk": "NAMED#anna_k", **sk}
    assert keys.named("aNNA_K") == "NAMED#anna_k"
    for username in (None, ""):
        assert keys.name_keys(7, username) == {"timeline_pk": "NAMED##7", **sk}


def test_subscription_is_listed_once_per_category() -> None:
    """A city has an item per four places, and doubles count once."""
    key = {"list_sk": "0000000000000007", "pk": "USER#7"}
    assert keys.subscriptions(7, [], []) == [{**key, "sk": "SUBSCRIPTION#*#0", "list1_pk": "SUBSCRIBERS#*#*"}]
    assert keys.subscriptions(7, ["Уфа", "Москва", "Уфа"], ["Сантехника", "Другое", "Электрика", "Другое"]) == [
        {
            **key,
            "sk": f"SUBSCRIPTION#{city}#{number}",
            **{f"list{place}_pk": f"SUBSCRIBERS#{city}#{category}" for place, category in lists.items()},
        }
        for city in ("Уфа", "Москва")
        for number, lists in ((0, {2: "Сантехника", 3: "Электрика"}), (1, {4: "Другое"}))
    ]


WATCHED = {
    Watch(None, None): "*#*",
    Watch("Уфа", None): "Уфа#*",
    Watch(None, "Другое"): "*#Другое",
    Watch("Уфа", "Другое"): "Уфа#Другое",
}


@pytest.mark.parametrize("watch", WATCHED)
def test_watch_is_read_back_from_its_partition(watch: Watch) -> None:
    assert keys.watchers(watch) == f"WATCHERS#{WATCHED[watch]}"
    assert keys.watch_of(keys.watchers(watch)) == watch


def test_audience_of_an_order_has_four_lists() -> None:
    assert keys.subscribers("Уфа", "Другое") == [
        (keys.LIST4, "SUBSCRIBERS#Уфа#Другое"),
        (keys.LIST1, "SUBSCRIBERS#Уфа#*"),
        (keys.LIST4, "SUBSCRIBERS#*#Другое"),
        (keys.LIST1, "SUBSCRIBERS#*#*"),
    ]


@pytest.mark.parametrize("category", CATEGORIES)
def test_subscription_is_where_the_audience_is_read(category: str) -> None:
    for cities, categories in ((["Уфа"], [category]), (["Уфа"], []), ([], [category]), ([], [])):
        [item] = keys.subscriptions(7, cities, categories)
        assert sum(item.get(index.pk) == partition for index, partition in keys.subscribers("Уфа", category)) == 1


def test_metrics_are_stored_under_their_day() -> None:
    day = date(2026, 9, 10)
    assert keys.stats(day, None) == {"pk": "STATS#2026-09-10", "sk": "STATS"}
    assert keys.stats(day, "Уфа") == {"pk": "STATS#2026-09-10", "sk": "STATS#Уфа"}
    assert keys.stats_day({**keys.stats(day, "Уфа")}) == day
    assert keys.told("AAAAAAAAAAAA") == {"pk": "TOLD#AAAAAAAAAAAA", "sk": "TOLD"}
    assert keys.told_about({**keys.told("AAAAAAAAAAAA")}) == "AAAAAAAAAAAA"
    assert (keys.topped_up_on(day), keys.ended_on(day)) == ("TOPPED_UP#2026-09-10", "ENDED#2026-09-10")


@pytest.mark.parametrize(("sort_key", "ends_at"), [("0000000000123#a", 123), ("", None), ("0123", None), ("x#a", None)])
def test_end_of_the_hour_is_read_from_a_sort_key(sort_key: str, ends_at: int | None) -> None:
    assert keys.hour_ends_at(sort_key) == ends_at


def test_charge_of_an_entry_is_in_its_cause() -> None:
    assert keys.charge_of({"cause": "PAYMENT#yookassa#a#b"}) == keys.charge("yookassa", "a#b")
    assert keys.charge_of({"cause": "RECHARGE#a"}) is None


def test_subscription_names_its_cells() -> None:
    [item] = keys.subscriptions(7, ["Уфа"], ["Клининг"])
    assert list(keys.subscribed_cells(item)) == [("Уфа", "Клининг")]
    [item] = keys.subscriptions(7, [], [])
    assert list(keys.subscribed_cells(item)) == [(keys.ANY, keys.ANY)]


def test_threads_are_listed_by_state_and_by_wait() -> None:
    assert (keys.threads("waiting"), keys.messages_of(7)) == ("THREADS#waiting", "MESSAGES_OF#7")
    assert keys.DUE_ANSWERS == "DUE_ANSWERS"
    answered = Thread(7, opened_at=1, last_at=23, newest_id=3)
    assert keys.thread_sk(answered) == "0000000000023#7"
    assert keys.thread_sk(replace(answered, waiting_since=5)) == "0000000000005#7"

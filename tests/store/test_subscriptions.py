"""The audience of an order follows the settings, after any sequence of changes, also after failed ones."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.commands import users as user_commands
from shared.domain.init_data import TelegramUser
from shared.domain.order import CATEGORIES, Order
from shared.domain.user import MAX_PREFERRED_CITIES
from shared.store import keys, subscriptions, table, users
from tests.in_process import START, Api

CITIES = ("Москва", "Казань", "Уфа")


def order_in(city: str, category: str, client: int = 99) -> Order:
    return Order(
        id="AAAAAAAAAAAA",
        client_id=client,
        category=category,
        city=city,
        description="Прорвало трубу на кухне",
        contact="@burst_pipe",
        contact_key="key",
        created_at=START,
        expires_at=START + 3_600_000,
    )


def caller(user_id: int) -> TelegramUser:
    return TelegramUser(user_id, "Иван", "", None)


def audience(order: Order) -> list[int]:
    return [user for page, _ in subscriptions.audience(order) for user in page]


def entries() -> Iterator[str]:
    for item in table.scan():
        if item["sk"].startswith("SUBSCRIPTION#"):
            yield f"{item['pk']} {item['sk']}"


def some(of: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(of), unique=True, max_size=len(of))


class Change:
    """One user's next change of one setting."""

    def __init__(self, user: int, kind: str, categories: list[str], cities: list[str], yes: bool) -> None:
        self.user, self.kind, self.categories, self.cities, self.yes = user, kind, categories, cities, yes

    def __repr__(self) -> str:
        return f"{self.user} {self.kind} {self.categories} {self.cities} {self.yes}"

    def make(self) -> None:
        if self.kind == "preferences":
            user_commands.save_preferences(caller(self.user), categories=self.categories, cities=self.cities)
        elif self.kind == "enabled":
            user_commands.save_notifications(caller(self.user), enabled=self.yes, frequency=None)
        else:
            user_commands.save_chat(self.user, is_open=self.yes)


changes = st.builds(
    Change,
    user=st.integers(1, 4),
    kind=st.sampled_from(["preferences", "preferences", "enabled", "chat"]),
    categories=some(CATEGORIES),
    cities=some(CITIES),
    yes=st.booleans(),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(changes, min_size=3, max_size=8), st.sampled_from(CITIES), st.sampled_from(CATEGORIES), st.integers(1, 4)
)
def test_the_audience_is_every_user_who_wants_the_order(
    service: Api, made: list[Change], city: str, category: str, client: int
) -> None:
    for user in range(1, 5):
        user_commands.save_notifications(caller(user), enabled=True, frequency=None)
    for change in made:
        change.make()
    order = order_in(city, category, client)
    assert sorted(audience(order)) == [user for user in range(1, 5) if users.get(user).wants(order, order.created_at)]


def test_every_category_and_any_has_a_place() -> None:
    [*items] = keys.subscriptions(1, ["Москва"], CATEGORIES)
    listed = [value for item in items for name, value in item.items() if name.endswith("_pk")]
    assert sorted(listed) == sorted(f"SUBSCRIBERS#Москва#{category}" for category in CATEGORIES)


def test_the_places_of_categories_never_change() -> None:
    """The table's entries were written with these places: changing them would leave stale entries."""
    assert [keys._subscribed(category) for category in keys._SUBSCRIBED] == [
        (number, index) for number in (0, 1) for index in (keys.LIST1, keys.LIST2, keys.LIST3, keys.LIST4)
    ]
    assert keys._SUBSCRIBED == (
        keys.ANY,
        "Сантехника",
        "Электрика",
        "Бытовой ремонт",
        "Клининг",
        "Сборка/установка",
        "Бытовая техника",
        "Другое",
    )


def test_the_largest_change_fits_into_one_transaction(service: Api) -> None:
    before = replace(
        users.get(1),
        notifications_enabled=True,
        settings_version=1,
        preferred_categories=CATEGORIES,
        preferred_cities=tuple(f"Город {number}" for number in range(MAX_PREFERRED_CITIES)),
    )
    after = replace(before, preferred_cities=tuple(f"Посёлок {number}" for number in range(MAX_PREFERRED_CITIES)))
    assert len(subscriptions.moved_writes(before, after)) + 1 <= 100


@pytest.mark.parametrize("lands", [False, True])
def test_a_failed_change_is_complete_or_absent(service: Api, monkeypatch: pytest.MonkeyPatch, lands: bool) -> None:
    user_commands.save_notifications(caller(1), enabled=True, frequency=None)
    user_commands.save_preferences(caller(1), categories=["Клининг"], cities=["Казань"])
    transact = table.client().transact_write_items

    class Killed(BaseException):
        pass

    def killed(**request: object) -> None:
        if lands:
            transact(**request)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(table.client(), "transact_write_items", killed)
    with pytest.raises(Killed):
        user_commands.save_preferences(caller(1), categories=["Электрика"], cities=["Москва"])
    moved, stayed = (audience(order_in(*pair)) for pair in (("Москва", "Электрика"), ("Казань", "Клининг")))
    assert (moved, stayed) == (([1], []) if lands else ([], [1]))
    assert len(list(entries())) == 1


def test_a_change_with_a_lost_response_is_done(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """F3."""
    transact = table.client().transact_write_items
    lost = iter([True])

    def loses_one(**request: object) -> object:
        answer = transact(**request)  # type: ignore[arg-type]
        if next(lost, False):
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        return answer

    monkeypatch.setattr(table.client(), "transact_write_items", loses_one)
    user_commands.save_notifications(caller(1), enabled=True, frequency=5)
    assert audience(order_in("Москва", "Электрика")) == [1]
    assert users.get(1).notification_frequency == 5


def test_change_decided_on_stale_settings_is_decided_again(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two settings that are saved at once are both stored, and the entries match both."""
    transact = table.client().transact_write_items
    other = iter([lambda: user_commands.save_preferences(caller(1), categories=["Клининг"], cities=[])])

    def after_another(**request: object) -> object:
        next(other, lambda: None)()
        return transact(**request)  # type: ignore[arg-type]

    monkeypatch.setattr(table.client(), "transact_write_items", after_another)
    user_commands.save_notifications(caller(1), enabled=True, frequency=None)
    assert audience(order_in("Уфа", "Клининг")) == [1]
    assert audience(order_in("Уфа", "Электрика")) == []


def test_a_long_audience_is_read_in_resumable_pages(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "_PAGE", 3)
    listening = random.Random(7).sample(range(1, 2**53), 10)
    for number, user in enumerate(listening):
        user_commands.save_notifications(caller(user), enabled=True, frequency=None)
        user_commands.save_preferences(
            caller(user), categories=["Клининг"][: number % 2], cities=["Казань"][: number % 3]
        )
    order = order_in("Казань", "Клининг", client=listening[0])
    pages = list(subscriptions.audience(order))
    everybody = [user for page, _ in pages for user in page]
    assert sorted(everybody) == sorted(listening[1:])
    for number, (_, following) in enumerate(pages):
        rest = [user for page, _ in subscriptions.audience(order, start=following) for user in page]
        assert rest == [user for page, _ in pages[number + 1 :] for user in page]

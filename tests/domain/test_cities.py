"""The list of cities and the search in it."""

import pytest

from shared.domain import cities


def test_the_list() -> None:
    names = cities.names()
    assert len(names) > 1000
    assert (names[0], names[-1]) == ("Абаза", "Яхрома")
    assert len(set(names)) == len(names)
    assert all(name and name == name.strip() for name in names)
    assert list(names) == sorted(names, key=lambda name: (cities.folded(name), name))
    assert {"Москва", "Санкт-Петербург", "Орёл", "Йошкар-Ола", "Ростов-на-Дону"} <= set(names)


def test_a_city_name_must_match_exactly() -> None:
    assert all(cities.is_city(name) for name in cities.names())
    for name in ("", "москва", "МОСКВА", "Москва ", "Moscow", "Орел", "Лондон", "\n"):
        assert not cities.is_city(name)


@pytest.mark.parametrize("typed", ["орел", "ОРЁЛ", " Орёл\n", "орёл"])
def test_search_ignores_case_and_the_dots_of_yo(typed: str) -> None:
    assert "Орёл" in cities.search(typed)


def test_search_finds_a_part_of_a_name() -> None:
    assert cities.search("на-дон") == ["Калач-на-Дону", "Ростов-на-Дону"]
    assert cities.search("") == list(cities.names())
    assert cities.search("лондон") == []
    found = cities.search("нов")
    assert found == [name for name in cities.names() if "нов" in name.lower()]
    assert len(found) > 10

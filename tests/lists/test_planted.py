"""Every planted defect still has its place in the source.

Only `make proof` looks for most of these defects. A change of the source that takes a place away must show at once.
"""

import pytest

from tests.lists import test_audiences, test_cities, test_cursors, test_feeds, test_reviews
from tests.lists.shop import Defect

MODULES = (test_audiences, test_cities, test_cursors, test_feeds, test_reviews)
PLANTED = [planted.values[0] for module in MODULES for planted in module.DEFECTS]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_defect_has_its_place(monkeypatch: pytest.MonkeyPatch, planted: Defect) -> None:
    planted.plant(monkeypatch)

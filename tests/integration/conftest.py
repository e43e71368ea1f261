"""One service for a process's tests that need no settings of their own; `tests/conftest.py` keeps them together."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import OPERATOR
from tests.integration.service import Service, running

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder and run them first: they mostly wait, so that computing tests can run beside them.

    The tests of disclosure run last, over the responses of all others.
    """
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.integration)
    items.sort(key=lambda item: (item.path == HERE / "test_disclosure.py", not item.path.is_relative_to(HERE)))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service, with empty data at first; at the end nobody saw a contact or secret without the right to it."""
    with running(tmp_path_factory.mktemp("service"), OPERATOR_IDS=str(OPERATOR), YOOKASSA_VAT_CODE="1") as service:
        yield service
        assert service.disclosed() == []
        assert service.mistakes() == []

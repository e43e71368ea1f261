"""The peers of tests/bench/peers do the same work as ours: they answer the read of an order."""

import pytest

from tests.bench.calls import NOW
from tests.bench.cases import READ_ORDER, record
from tests.bench.measure import INSTALLED, run
from tests.bench.peers import PEERS


@pytest.mark.parametrize("module", PEERS.values(), ids=PEERS)
def test_peer_reads_the_order_from_the_table(module: str) -> None:
    """The stub has a response to one GetItem, and to nothing else."""
    order = record(READ_ORDER, NOW)
    assert run(module, order, bare=order, requests=2, path=INSTALLED)["status"] == 200

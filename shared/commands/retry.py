"""The loop of every command: read, decide, write; again when the write met a conflict (optimistic concurrency).

A request must end before its Lambda does (P4). One call to DynamoDB takes at most 9 s (`shared/store/table.py`). No
attempt starts after 5 s, and an attempt is a read and a write: 5 + 2 × 9 = 23 s. That is below the functions' timeout
of 25 s less one second, and below the gateway's 30 s. Ending an order reads once more. If every one of its calls takes
the maximum, Lambda stops the function before it answers; the next attempt or the sweep then finds what was written.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from shared.service_errors import Busy
from shared.store.table import WriteConflict

Result = TypeVar("Result")

_RETRY_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.4


def retry(attempt: Callable[[], Result]) -> Result:
    """Run `attempt` until its write meets no WriteConflict, with exponential backoff and full jitter.

    Other errors of `attempt` pass through. Raises Busy after five seconds.
    """
    started = time.monotonic()
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return attempt()
        except WriteConflict as conflict:
            nap = random.uniform(0, pause)
            if time.monotonic() - started + nap > _RETRY_SECONDS:
                raise Busy from conflict
        time.sleep(nap)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

"""The sandbox's switch of time on the running service."""

from pathlib import Path

import httpx

from tests.integration.service import Service, running


def switch(service: Service, *, is_short: bool) -> None:
    found = httpx.put(f"{service.url}/sandbox/clock", json={"is_short": is_short}, timeout=60, trust_env=False)
    assert (found.status_code, found.json()) == (200, {"is_short": is_short})


def test_short_time_is_for_new_orders_until_the_next_start(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        client = service.user()
        assert service.order(client)["expires_in_minutes"] == 60
        switch(service, is_short=True)
        assert service.order(client)["expires_in_minutes"] == 1
        switch(service, is_short=False)
        assert service.order(client)["expires_in_minutes"] == 60
        switch(service, is_short=True)
    with running(tmp_path) as service:
        assert service.call("GET /sandbox/clock").json == {"is_short": False}
        assert service.order(service.user())["expires_in_minutes"] == 60

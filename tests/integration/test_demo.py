"""`make demo` fills a running service within its usual limits, and leaves every invariant intact."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from infra.local import demo
from infra.local.settings import LOCAL_OPERATOR
from shared.domain import cities
from tests.api import ROOT
from tests.conftest import BOT_TOKEN
from tests.integration.service import MANY, Service, running

USUAL = dict.fromkeys(MANY, "")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the rate limits that `make run` has."""
    with running(tmp_path_factory.mktemp("demo"), **USUAL) as service:
        yield service
        assert service.mistakes() == []


def make(service: Service, target: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a make target beside the running service."""
    env = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    env |= {"PORT": str(service.port), "LOCAL_DATA_DIR": str(service.data_dir), "TELEGRAM_BOT_TOKEN": BOT_TOKEN}
    return subprocess.run(
        ["make", "-s", target], cwd=ROOT, env=env | settings, capture_output=True, text=True, timeout=600, check=False
    )


def test_the_demo_fills_lists_and_the_panel(service: Service) -> None:
    operator = int(LOCAL_OPERATOR)
    done = make(service, "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(demo.DAY)} orders" in done.stdout
    listed = service.call("GET /api/orders", query={"limit": 100}).json
    assert listed["total"] == sum(story.end in ("open", "answered") for story in demo.DAY)
    assert len({order["city"] for order in listed["orders"]}) > 4
    complaints = service.call("GET /api/admin/complaints", user=operator).json["complaints"]
    assert len(complaints) == sum(story.complaint is not None for story in demo.DAY)
    reviews = service.call("GET /api/reviews", query={"limit": 100}).json
    assert len(reviews) == sum(story.review is not None for story in demo.DAY)
    for state, number in (("waiting", 2), ("answered", 1)):
        found = service.call("GET /api/admin/threads", user=operator, query={"state": state}).json["threads"]
        assert len(found) == number, state
    audited = make(service, "audit")
    assert (audited.returncode, audited.stdout) == (0, "Every invariant holds.\n")


def test_the_demo_without_a_service_says_so(service: Service) -> None:
    done = make(service, "demo", PORT="1")
    assert done.returncode != 0
    assert done.stderr.startswith("No service answers at http://127.0.0.1:1: start it with make run")


def test_the_demo_writes_to_no_real_people(service: Service) -> None:
    done = make(service, "demo", TELEGRAM_API_URL="https://api.telegram.org")
    assert done.returncode != 0
    assert "unset TELEGRAM_API_URL" in done.stderr


def test_every_city_of_the_demo_exists() -> None:
    assert all(cities.is_city(story.city) for story in demo.DAY)
    assert all(20 <= len(story.text) <= 1000 for story in demo.DAY)

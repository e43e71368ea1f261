"""Environment variables: each function has those that its code reads, and no others."""

import ast
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from aws_lambda_powertools.shared import constants

from shared import settings
from shared.aws.queues import Queue
from tests.api import ROOT
from tests.contract.plants import Plant, drop, planted, put
from tests.contract.reach import nodes, reached_from
from tests.contract.wiring import TEMPLATE, Wiring, read, translated

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
BY_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME", "AWS_XRAY_DAEMON_ADDRESS", "_X_AMZN_TRACE_ID"}
# Variables that the library of logs and metrics reads.
BY_LIBRARY = {value for value in vars(constants).values() if isinstance(value, str) and value.startswith("POWERTOOLS_")}


class Recorded(Mapping[str, str]):
    """The environment, which notes the names that are read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


@cache
def read_by(accessor: str, *arguments: Any) -> frozenset[str]:
    """The variables that a function of shared/settings.py reads."""
    noted = Recorded(os.environ)
    function = getattr(settings, accessor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", noted)
        getattr(function, "__wrapped__", function)(*arguments)
    return frozenset(noted.names)


ACCESSORS = {
    node.name
    for node in ast.parse((ROOT / "shared" / "settings.py").read_text()).body
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
}


@cache
def read_in(module: str) -> frozenset[str]:
    """The variables that a function reads whose handler is in the module."""
    reached = reached_from(module)
    accessors = {each.name for each in reached if each.module == "shared.settings"} & ACCESSORS
    found = {name for accessor in accessors - {"queue_url"} for name in read_by(accessor)}
    if "queue_url" in accessors:
        for _, node in nodes(reached):
            match node:
                case ast.Attribute(value=ast.Name(id="Queue"), attr=member) if member in Queue.__members__:
                    found |= read_by("queue_url", Queue[member])
    return frozenset(found)


def common(wiring: Wiring) -> set[str]:
    """The variables that every function has, from Globals."""
    return set.intersection(*(set(function.variables) for function in wiring.functions.values()))


def wrong_variables(wiring: Wiring) -> Iterator[str]:
    """Describe each variable that is read and not set, or set and not read."""
    everywhere, read_somewhere = common(wiring), set(BY_LIBRARY)
    for name, function in wiring.functions.items():
        wanted = read_in(function.module)
        read_somewhere |= wanted
        yield from (f"{name} lacks {each}" for each in wanted - set(function.variables))
        yield from (f"{name} does not read {each}" for each in set(function.variables) - wanted - everywhere)
    yield from (f"no function reads {each}" for each in everywhere - read_somewhere)


def environ_reads() -> dict[str, set[str]]:
    """The modules that name `environ` or `getenv`, and the constant strings next to it."""
    found = defaultdict(set)
    for path in [*(ROOT / "shared").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case (
                    ast.Subscript(value=holder, slice=name)
                    | ast.Call(func=ast.Attribute(value=holder), args=[name, *_])
                ):
                    pass
                case ast.Compare(left=name, comparators=[holder]):
                    pass
                case _:
                    continue
            if ast.unparse(holder) == "os.environ":
                text = str(name.value) if isinstance(name, ast.Constant) else ast.unparse(name)
                found[str(path.relative_to(ROOT))].add(text)
    return found


def test_functions_have_the_variables_they_read() -> None:
    assert list(wrong_variables(read(translated(TEMPLATE)))) == []


def test_only_settings_read_what_the_template_sets() -> None:
    """So the variables of a function are those of the settings that its code leads to."""
    elsewhere = environ_reads()
    assert elsewhere.pop("shared/settings.py")
    assert set.union(*elsewhere.values()) <= BY_LAMBDA
    named = [path for path in (ROOT / "shared").rglob("*.py") if re.search(r"\benviron\b|getenv", path.read_text())]
    assert {str(path.relative_to(ROOT)) for path in named} == {*elsewhere, "shared/settings.py"}


def test_every_setting_is_reached_by_some_function() -> None:
    """A reading of the code that found nothing would find nothing wrong."""
    functions = read(translated(TEMPLATE)).functions.values()
    reached = {each for function in functions for each in reached_from(function.module)}
    assert len(ACCESSORS) > 5
    assert {each.name for each in reached if each.module == "shared.settings"} >= ACCESSORS


@pytest.mark.parametrize(
    "plant",
    [
        drop("OrderChanged.Environment.Variables.NOTICES_QUEUE_URL"),
        drop("FindAudience.Environment.Variables.NEW_ORDERS_QUEUE_URL"),
        drop("OrderChanged.Environment.Variables.SCHEDULE_ROLE_ARN"),
        drop("TelegramWebhook.Environment.Variables.YOOKASSA_VAT_CODE"),
        drop("CreateInvoice.Environment.Variables.CRYPTO_PAY_LIMITS"),
        drop("BanUser.Environment.Variables.OPERATOR_IDS"),
        drop("ListOrders.Environment.Variables.FEED_CACHE_SECONDS"),
        drop("GetMe.Environment.Variables.TABLE_NAME"),
        put("GetMe.Environment.Variables.OPERATOR_IDS", "1"),
        put("CryptoPayWebhook.Environment.Variables.PAYMENT_PROVIDERS", "crypto_pay"),
        put("SendNotice.Environment.Variables.OFFERS_QUEUE_URL", {"Ref": "Offers"}),
        lambda resources: [
            each["Properties"]["Environment"]["Variables"].update(FORGOTTEN="1")
            for each in resources.values()
            if each["Type"] == "AWS::Lambda::Function"
        ],
    ],
)
def test_a_planted_wrong_variable_is_found(plant: Plant) -> None:
    assert list(wrong_variables(read(planted(plant))))

"""Planted defects: one change of the translated template each."""

import copy
from collections.abc import Callable
from typing import Any

from infra.checks.translation import Resources
from tests.contract.wiring import TEMPLATE, translated

Plant = Callable[[Resources], Any]


def planted(plant: Plant) -> Resources:
    """A copy of the translated template with the defect."""
    resources = copy.deepcopy(translated(TEMPLATE))
    plant(resources)
    return resources


def _holder(resources: Resources, path: str) -> tuple[Any, Any]:
    """The part that holds a property, and the property's name or place there."""
    name, *keys = path.split(".")
    part: Any = resources[name]["Properties"]
    places = [int(key) if key.isdigit() else key for key in keys]
    for place in places[:-1]:
        part = part[place]
    return part, places[-1]


def put(path: str, value: Any) -> Plant:
    """Set a property, given as in `Offers.VisibilityTimeout`."""

    def plant(resources: Resources) -> None:
        part, place = _holder(resources, path)
        part[place] = value

    return plant


def drop(path: str) -> Plant:
    """Leave a property out."""

    def plant(resources: Resources) -> None:
        part, place = _holder(resources, path)
        del part[place]

    return plant


def remove(name: str) -> Plant:
    """Leave a resource out."""
    return lambda resources: resources.pop(name)


def revoke(role: str, action: str) -> Plant:
    """Take an action out of a role's own policies."""

    def plant(resources: Resources) -> None:
        for policy in resources[role]["Properties"]["Policies"]:
            document = policy["PolicyDocument"]
            document["Statement"] = [each for each in document["Statement"] if each["Action"] != action]

    return plant

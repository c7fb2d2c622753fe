"""Reading a JSON object into the fields of a dataclass: keys are the camelCase forms of the field names."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from .errors import TrainingError

# What a number must be: type, lowest, highest.
Limits = tuple[type, float, float]


def read_object(value: Any, kind: type, where: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The values of a JSON object by snake_case field name, once its keys are exactly those of the dataclass, save
    for `optional` ones that are left out."""
    if not isinstance(value, dict):
        raise TrainingError(f"{where}: expected an object, got {value!r}")
    expected = {camel_case(field.name): field.name for field in fields(kind)}
    for key, name in expected.items():
        if key not in value and name not in optional:
            raise TrainingError(f"{where}: missing field {key}")
    for key in value:
        if key not in expected:
            raise TrainingError(f"{where}: unknown field {key}")
    return {name: value[key] for key, name in expected.items() if key in value}


def read_numbers(found: dict[str, Any], limits: dict[str, Limits], prefix: str = "") -> dict[str, Any]:
    return {name: read_number(found[name], f"{prefix}{name}", limit) for name, limit in limits.items()}


def read_number(value: Any, where: str, limits: Limits) -> Any:
    kind, lowest, highest = limits
    wanted = "a whole number" if kind is int else "a number"
    allowed = (int,) if kind is int else (int, float)
    # The comparison also refuses NaN, which Python's JSON reader accepts.
    if isinstance(value, bool) or not isinstance(value, allowed) or not lowest <= value <= highest:
        raise TrainingError(f"{camel_case(where)}: expected {wanted} from {lowest:g} to {highest:g}, got {value!r}")
    return kind(value)


def camel_case(name: str) -> str:
    return re.sub(r"_(.)", lambda match: match.group(1).upper(), name)

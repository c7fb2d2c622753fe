"""A recipe: everything that decides a training run, read from a JSON file and checked once.

The JSON keys are the camelCase forms of the field names below; every one is required, and none else is allowed.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from .errors import TrainingError


@dataclass(frozen=True)
class NetworkRecipe:
    """How one network is built and trained."""

    width: int  # channels; the networks say of which layer
    epochs: int
    batch_size: int  # images a step
    peak_learning_rate: float
    warm_up_share: float  # share of the steps during which the learning rate rises
    momentum: float
    weight_decay: float
    label_smoothing: float
    cutout: int  # side of the blanked square in pixels, 0 for none
    cutmix: float  # share of the steps whose images are mixed with one another
    small_epochs: int  # the first so many epochs see images shrunk by `small_scale`
    small_scale: float
    exit_loss_weights: tuple[float, ...]  # one for each exit, the shallowest first


@dataclass(frozen=True)
class Recipe:
    name: str
    seed: int
    split_seed: int  # of the calibration and report halves
    training_images: int  # the first so many of the training split
    edge: NetworkRecipe
    large: NetworkRecipe

    def network(self, kind: str) -> NetworkRecipe:
        return self.edge if kind == "edge" else self.large


# What each field must be: type, lowest, highest.
NETWORK_LIMITS: dict[str, tuple[type, float, float]] = {
    "width": (int, 8, 1024),
    "epochs": (int, 1, 10_000),
    "batch_size": (int, 2, 65_536),
    "peak_learning_rate": (float, 1e-6, 100),
    "warm_up_share": (float, 0, 0.9),
    "momentum": (float, 0, 0.9999),
    "weight_decay": (float, 0, 1),
    "label_smoothing": (float, 0, 0.9),
    "cutout": (int, 0, 32),
    "cutmix": (float, 0, 1),
    "small_epochs": (int, 0, 10_000),
    "small_scale": (float, 0.25, 1),
}
RECIPE_LIMITS: dict[str, tuple[type, float, float]] = {
    "seed": (int, 0, 2**31 - 1),
    "split_seed": (int, 0, 2**32 - 1),
    "training_images": (int, 2, 50_000),
}
EXITS = {"edge": 3, "large": 1}


def read_recipe(path: Path) -> Recipe:
    """Reads and checks a recipe file. Raises TrainingError naming the file and the field that is wrong."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"recipe not readable: {path} ({error.strerror})") from error
    except ValueError as error:
        raise TrainingError(f"{path}: not valid JSON ({error})") from error
    try:
        return parse_recipe(value)
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error


def parse_recipe(value: Any) -> Recipe:
    found = read_object(value, Recipe, "recipe")
    if not isinstance(found["name"], str) or not re.fullmatch(r"[a-z0-9-]+", found["name"]):
        raise TrainingError(f"name: expected lower-case letters, digits and hyphens, got {found['name']!r}")
    numbers = {name: read_number(found[name], name, limits) for name, limits in RECIPE_LIMITS.items()}
    return Recipe(
        name=found["name"],
        edge=parse_network(found["edge"], "edge"),
        large=parse_network(found["large"], "large"),
        **numbers,
    )


def parse_network(value: Any, kind: str) -> NetworkRecipe:
    found = read_object(value, NetworkRecipe, kind)
    numbers = {name: read_number(found[name], f"{kind}.{name}", limits) for name, limits in NETWORK_LIMITS.items()}
    weights = found["exit_loss_weights"]
    if not isinstance(weights, list) or len(weights) != EXITS[kind]:
        raise TrainingError(f"{kind}.exitLossWeights: expected {EXITS[kind]} numbers, got {weights!r}")
    checked = tuple(read_number(weight, f"{kind}.exitLossWeights", (float, 0, 100)) for weight in weights)
    return NetworkRecipe(exit_loss_weights=checked, **numbers)


def read_object(value: Any, kind: type, where: str) -> dict[str, Any]:
    """The values of a JSON object by snake_case field name, once its keys are exactly those of the dataclass."""
    if not isinstance(value, dict):
        raise TrainingError(f"{where}: expected an object, got {value!r}")
    expected = {camel_case(field.name): field.name for field in fields(kind)}
    for key in expected:
        if key not in value:
            raise TrainingError(f"{where}: missing field {key}")
    for key in value:
        if key not in expected:
            raise TrainingError(f"{where}: unknown field {key}")
    return {name: value[key] for key, name in expected.items()}


def read_number(value: Any, where: str, limits: tuple[type, float, float]) -> Any:
    kind, lowest, highest = limits
    wanted = "a whole number" if kind is int else "a number"
    allowed = (int,) if kind is int else (int, float)
    # The comparison also refuses NaN, which Python's JSON reader accepts.
    if isinstance(value, bool) or not isinstance(value, allowed) or not lowest <= value <= highest:
        raise TrainingError(f"{camel_case(where)}: expected {wanted} from {lowest:g} to {highest:g}, got {value!r}")
    return kind(value)


def camel_case(name: str) -> str:
    return re.sub(r"_(.)", lambda match: match.group(1).upper(), name)


def fingerprint(recipe: Recipe, kind: str) -> str:
    """What a checkpoint must agree on to be resumed: every setting that shapes this network's weights."""
    settings = {"kind": kind, "seed": recipe.seed, "trainingImages": recipe.training_images}
    return json.dumps(settings | asdict(recipe.network(kind)), sort_keys=True)

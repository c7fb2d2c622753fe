"""Reading and checking a recipe file.

The JSON keys are the camelCase forms of the field names in `recipe.py`. Every one is required, except those that have
a default there, and none else is allowed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .distillation import DISTANCES
from .errors import TrainingError
from .json_fields import Limits, read_number, read_numbers, read_object
from .recipe import Distillation, EdgeRecipe, NetworkRecipe, Recipe, TailRecipe
from .strategies import STRATEGIES

# What each field must be: type, lowest, highest.
NETWORK_LIMITS: dict[str, Limits] = {
    "width": (int, 8, 1024),
    "epochs": (int, 1, 10_000),
    "batch_size": (int, 2, 65_536),
    "peak_learning_rate": (float, 1e-6, 100),
    "warm_up_share": (float, 0, 0.9),
    "momentum": (float, 0, 0.9999),
    "weight_decay": (float, 0, 1),
    "label_smoothing": (float, 0, 0.9),
    "cutout": (int, 0, 1024),
    "cutmix": (float, 0, 1),
    "small_epochs": (int, 0, 10_000),
    "small_scale": (float, 0.25, 1),
}
TAIL_LIMITS: dict[str, Limits] = {
    "cluster_count": (int, 0, 14),
}
RECIPE_LIMITS: dict[str, Limits] = {
    "seed": (int, 0, 2**31 - 1),
    "split_seed": (int, 0, 2**32 - 1),
    "training_images": (int, 2, 100_000_000),
    "views": (int, 1, 1000),
}
DISTILLATION_LIMITS: dict[str, Limits] = {
    "temperature": (float, 0.1, 100),
    "weight": (float, 0, 1),
}
EXITS = {"edge": 3, "large": 1, "tailStart": 1, "tail": 1, "teacher": 1}


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
    found = read_object(value, Recipe, "recipe", optional=("teacher",))
    if not isinstance(found["name"], str) or not re.fullmatch(r"[a-z0-9-]+", found["name"]):
        raise TrainingError(f"name: expected lower-case letters, digits and hyphens, got {found['name']!r}")
    limits = {
        name: limit for name, limit in RECIPE_LIMITS.items() if not (name == "training_images" and found[name] is None)
    }
    numbers = read_numbers(found, limits)
    teacher = found.get("teacher")
    return Recipe(
        name=found["name"],
        **{"training_images": None, **numbers},
        edge=parse_edge(found["edge"]),
        large=parse_network(found["large"], NetworkRecipe, "large"),
        tail_start=parse_tail_start(found["tail_start"]),
        tail=parse_tail(found["tail"], found["tail_start"]),
        teacher=None if teacher is None else parse_network(teacher, NetworkRecipe, "teacher"),
    )


def parse_edge(value: Any) -> EdgeRecipe:
    edge = parse_network(value, EdgeRecipe, "edge", {}, lambda found: read_strategy(found["strategy"]))
    if edge.strategy != "joint" and edge.epochs < EXITS["edge"]:
        raise TrainingError(f"edge.epochs: expected at least {EXITS['edge']} for {edge.strategy}, got {edge.epochs}")
    return edge


def parse_tail_start(value: Any) -> NetworkRecipe:
    return without_cutmix(parse_network(value, NetworkRecipe, "tailStart"), "tailStart")


def parse_tail(value: Any, start: Any) -> TailRecipe:
    tail = without_cutmix(parse_network(value, TailRecipe, "tail", TAIL_LIMITS, read_only), "tail")
    width = parse_tail_start(start).width
    if tail.width != width:
        raise TrainingError(f"tail.width: expected {width}, that of tailStart, got {tail.width}")
    return tail


def without_cutmix(network: Any, where: str) -> Any:
    if network.cutmix > 0:
        raise TrainingError(f"{where}.cutmix: expected 0, the tail's settings share no images, got {network.cutmix:g}")
    return network


def read_only(found: dict[str, Any]) -> dict[str, int | None]:
    only = found.get("only")
    return {"only": None if only is None else read_number(only, "tail.only", (int, 0, 19))}


def read_strategy(value: Any) -> dict[str, str]:
    if value not in STRATEGIES:
        raise TrainingError(f"edge.strategy: expected one of {', '.join(STRATEGIES)}, got {value!r}")
    return {"strategy": value}


def parse_network(
    value: Any,
    kind: type,
    where: str,
    extra: dict[str, Limits] | None = None,
    read_rest: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Any:
    found = read_object(value, kind, where, optional=("distillation", "only"))
    numbers = read_numbers(found, NETWORK_LIMITS | (extra or {}), f"{where}.")
    weights = found["exit_loss_weights"]
    if not isinstance(weights, list) or len(weights) != EXITS[where]:
        raise TrainingError(f"{where}.exitLossWeights: expected {EXITS[where]} numbers, got {weights!r}")
    checked = tuple(read_number(weight, f"{where}.exitLossWeights", (float, 0, 100)) for weight in weights)
    distillation = parse_distillation(found.get("distillation", []), where)
    rest = {} if read_rest is None else read_rest(found)
    return kind(exit_loss_weights=checked, distillation=distillation, **numbers, **rest)


def parse_distillation(value: Any, where: str) -> tuple[Distillation, ...]:
    name = f"{where}.distillation"
    if not isinstance(value, list) or len(value) not in (0, EXITS[where]):
        raise TrainingError(f"{name}: expected {EXITS[where]} objects, one an exit, or none, got {value!r}")
    return tuple(parse_distance(entry, name) for entry in value)


def parse_distance(value: Any, where: str) -> Distillation:
    found = read_object(value, Distillation, where)
    if found["distance"] not in DISTANCES:
        wanted = ", ".join(DISTANCES)
        raise TrainingError(f"{where}.distance: expected one of {wanted}, got {found['distance']!r}")
    return Distillation(distance=found["distance"], **read_numbers(found, DISTILLATION_LIMITS, f"{where}."))

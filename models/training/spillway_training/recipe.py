"""A recipe: everything that decides a training run, read from a JSON file and checked once.

The JSON keys are the camelCase forms of the field names below. Every one is required, except those that have a
default here, and none else is allowed.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .errors import TrainingError

DISTANCE_NAMES = ("kl", "js", "wasserstein")
STRATEGY_NAMES = ("joint", "deepest-first", "shallowest-first")


@dataclass(frozen=True)
class Distillation:
    """How an exit learns from the teacher; see `distillation.py`."""

    distance: str
    temperature: float
    weight: float  # of the distance; the labels have the rest. 0 for no distillation


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
    # One for each exit; none at all for a network that learns from the labels alone.
    distillation: tuple[Distillation, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class EdgeRecipe(NetworkRecipe):
    strategy: str  # see `strategies.py`
    ordering_weight: float  # of the ordering head's loss, beside the exits'


@dataclass(frozen=True)
class TailRecipe(NetworkRecipe):
    """`epochs` counts all; during the last `switching_epochs` of them the settings are trained."""

    switching_epochs: int
    cluster_count: int  # at most so many clusters of settings; 0 for none, drawing among all settings
    # The one setting, by its index, that a separate tail is trained for; all where it is left out.
    only: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Recipe:
    name: str
    seed: int
    split_seed: int  # of the calibration and report halves
    training_images: int | None  # the first so many of the training split; None for all
    views: int  # augmented views of the training images whose teacher's logits are computed once and kept
    edge: EdgeRecipe
    large: NetworkRecipe
    tail: TailRecipe
    # What teaches, if not the large network that ships.
    teacher: NetworkRecipe | None = field(default=None, kw_only=True)

    def network(self, kind: str) -> NetworkRecipe:
        networks = {"edge": self.edge, "large": self.large, "tail": self.tail, "teacher": self.teacher}
        return networks[kind]

    @property
    def teacher_kind(self) -> str:
        return "large" if self.teacher is None else "teacher"


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
    "cutout": (int, 0, 1024),
    "cutmix": (float, 0, 1),
    "small_epochs": (int, 0, 10_000),
    "small_scale": (float, 0.25, 1),
}
EDGE_LIMITS: dict[str, tuple[type, float, float]] = {"ordering_weight": (float, 0, 100)}
TAIL_LIMITS: dict[str, tuple[type, float, float]] = {
    "switching_epochs": (int, 1, 10_000),
    "cluster_count": (int, 0, 14),
}
RECIPE_LIMITS: dict[str, tuple[type, float, float]] = {
    "seed": (int, 0, 2**31 - 1),
    "split_seed": (int, 0, 2**32 - 1),
    "training_images": (int, 2, 100_000_000),
    "views": (int, 1, 1000),
}
DISTILLATION_LIMITS: dict[str, tuple[type, float, float]] = {
    "temperature": (float, 0.1, 100),
    "weight": (float, 0, 1),
}
EXITS = {"edge": 3, "large": 1, "tail": 1, "teacher": 1}


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
        tail=parse_tail(found["tail"]),
        teacher=None if teacher is None else parse_network(teacher, NetworkRecipe, "teacher"),
    )


def parse_edge(value: Any) -> EdgeRecipe:
    edge = parse_network(value, EdgeRecipe, "edge", EDGE_LIMITS, lambda found: read_strategy(found["strategy"]))
    if edge.strategy != "joint" and edge.epochs < EXITS["edge"]:
        raise TrainingError(f"edge.epochs: expected at least {EXITS['edge']} for {edge.strategy}, got {edge.epochs}")
    return edge


def parse_tail(value: Any) -> TailRecipe:
    tail = parse_network(value, TailRecipe, "tail", TAIL_LIMITS, read_only)
    if tail.switching_epochs > tail.epochs:
        raise TrainingError(f"tail.switchingEpochs: expected at most the {tail.epochs} epochs, got {tail.switching_epochs}")
    return tail


def read_only(found: dict[str, Any]) -> dict[str, int | None]:
    only = found.get("only")
    return {"only": None if only is None else read_number(only, "tail.only", (int, 0, 15))}


def read_strategy(value: Any) -> dict[str, str]:
    if value not in STRATEGY_NAMES:
        raise TrainingError(f"edge.strategy: expected one of {', '.join(STRATEGY_NAMES)}, got {value!r}")
    return {"strategy": value}


def parse_network(value: Any, kind: type, where: str, extra: dict | None = None, read_rest: Any = None) -> Any:
    found = read_object(value, kind, where)
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
    if found["distance"] not in DISTANCE_NAMES:
        wanted = ", ".join(DISTANCE_NAMES)
        raise TrainingError(f"{where}.distance: expected one of {wanted}, got {found['distance']!r}")
    return Distillation(distance=found["distance"], **read_numbers(found, DISTILLATION_LIMITS, f"{where}."))


def read_numbers(found: dict[str, Any], limits: dict[str, tuple[type, float, float]], prefix: str = "") -> dict:
    return {name: read_number(found[name], f"{prefix}{name}", limit) for name, limit in limits.items()}


def read_object(value: Any, kind: type, where: str) -> dict[str, Any]:
    """The values of a JSON object by snake_case field name, once its keys are those of the dataclass."""
    if not isinstance(value, dict):
        raise TrainingError(f"{where}: expected an object, got {value!r}")
    expected = {camel_case(entry.name): entry for entry in fields(kind)}
    for key, entry in expected.items():
        if key not in value and entry.default is MISSING:
            raise TrainingError(f"{where}: missing field {key}")
    for key in value:
        if key not in expected:
            raise TrainingError(f"{where}: unknown field {key}")
    return {entry.name: value[key] for key, entry in expected.items() if key in value}


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
    """What a checkpoint must agree on to be resumed: every setting that shapes this network's weights.

    That includes what its teacher was made of, if it has one, and for the tail what made the stem.
    """
    network = recipe.network(kind)
    settings = {"kind": kind, "seed": recipe.seed, "trainingImages": recipe.training_images, **asdict(network)}
    if not network.distillation:
        del settings["distillation"]
    else:
        settings["teacher"] = fingerprint(recipe, recipe.teacher_kind)
    if kind in STUDENTS:
        settings["views"] = recipe.views
    if kind == "tail":
        settings["stem"] = fingerprint(recipe, "edge")
    return json.dumps(settings, sort_keys=True)


# They see the cached views, whether or not they learn from the teacher, so that comparisons are fair.
STUDENTS = ("edge", "tail")

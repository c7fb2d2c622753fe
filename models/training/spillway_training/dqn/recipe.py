"""The recipe of a Q-network: the published values, read from a JSON file whose keys are the fields in camelCase.

What the paper leaves open: when the learning rate falls (after `switch_share` of the iterations), how many sequences
an iteration's samples come from, and whether the network sees intervals (null: where they vary).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import TrainingError
from ..json_fields import read_number, read_object


@dataclass(frozen=True)
class DqnRecipe:
    history: int = 96  # frames the network sees, the current one included
    hidden_layers: int = 5
    hidden_width: int = 64
    leak: float = 0.2  # slope of the activation below zero
    use_intervals: bool | None = None
    discount: float = 0.9999
    iterations: int = 4000  # each computes its targets once, from the network as it then is
    batches_per_iteration: int = 128
    batch_size: int = 128
    sequences: int = 16  # an iteration's samples are the frames of so many sequences
    first_learning_rate: float = 1e-3
    second_learning_rate: float = 1e-4
    switch_share: float = 0.5
    checkpoint_interval: int = 50  # iterations
    validation_interval: int = 200  # iterations
    validation_sequences: int = 32
    validation_frames: int = 1000

    @property
    def frames(self) -> int:
        """Frames of a training sequence."""
        return self.batches_per_iteration * self.batch_size // self.sequences

    def learning_rate(self, iteration: int) -> float:
        """The rate of iteration 0, 1, ..."""
        first = iteration < self.switch_share * self.iterations
        return self.first_learning_rate if first else self.second_learning_rate


LIMITS: dict[str, tuple[type, float, float]] = {
    "history": (int, 1, 10_000),
    "hidden_layers": (int, 1, 100),
    "hidden_width": (int, 1, 65_536),
    "leak": (float, 0, 1),
    "discount": (float, 0, 1),
    "iterations": (int, 1, 10_000_000),
    "batches_per_iteration": (int, 1, 65_536),
    "batch_size": (int, 1, 65_536),
    "sequences": (int, 1, 65_536),
    "first_learning_rate": (float, 1e-9, 10),
    "second_learning_rate": (float, 1e-9, 10),
    "switch_share": (float, 0, 1),
    "checkpoint_interval": (int, 1, 10_000_000),
    "validation_interval": (int, 1, 10_000_000),
    "validation_sequences": (int, 1, 65_536),
    "validation_frames": (int, 1, 1_000_000),
}
# How often it is saved or looked at does not change what a network becomes.
WATCHING = ("checkpoint_interval", "validation_interval", "validation_sequences", "validation_frames")


def read_dqn_recipe(path: Path) -> DqnRecipe:
    """Reads and checks a recipe file. Raises TrainingError naming the file and the field that is wrong."""
    try:
        return parse_dqn_recipe(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise TrainingError(f"{path}: recipe not readable ({error.strerror})") from error
    except ValueError as error:
        raise TrainingError(f"{path}: not valid JSON ({error})") from error
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error


def parse_dqn_recipe(value: Any) -> DqnRecipe:
    found = read_object(value, DqnRecipe, "recipe")
    numbers = {name: read_number(found[name], name, limits) for name, limits in LIMITS.items()}
    use_intervals = found["use_intervals"]
    if use_intervals is not None and not isinstance(use_intervals, bool):
        raise TrainingError(f"useIntervals: expected true, false or null, got {use_intervals!r}")
    recipe = DqnRecipe(use_intervals=use_intervals, **numbers)
    samples = recipe.batches_per_iteration * recipe.batch_size
    if samples % recipe.sequences != 0:
        raise TrainingError(f"sequences: expected a divisor of {samples} samples an iteration, got {recipe.sequences}")
    return recipe


def settings_of(recipe: DqnRecipe) -> dict[str, Any]:
    """The fields that decide the weights of the network."""
    return {name: value for name, value in asdict(recipe).items() if name not in WATCHING}

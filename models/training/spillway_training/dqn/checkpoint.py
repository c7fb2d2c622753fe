"""Checkpoints of a Q-network: one file a cell and seed, replaced whole, so that a killed run continues."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainingError
from .cell import Cell
from .recipe import DqnRecipe, settings_of
from .samples import Samples


@dataclass
class DqnCheckpoint:
    """The state after `iteration` whole iterations."""

    fingerprint: str
    iteration: int
    seconds: float  # spent in training, over all the runs that led here
    hardware: str
    parameters: Tensor
    optimizer: dict[str, Any]


def dqn_checkpoint_path(runs: Path, cell: Cell, seed: int) -> Path:
    return runs / f"dqn-{cell.name}-seed-{seed}" / "network.pt"


def dqn_fingerprint(cell: Cell, samples: Samples, recipe: DqnRecipe, seed: int) -> str:
    """What a checkpoint must agree on to be resumed: everything that shapes the weights."""
    settings = {"cell": asdict(cell), "samples": samples.fingerprint(), "seed": seed} | settings_of(recipe)
    return json.dumps(settings, sort_keys=True)


def save_dqn_checkpoint(path: Path, checkpoint: DqnCheckpoint) -> None:
    """Writes beside the old file, then renames: a kill at any moment leaves a whole checkpoint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    # vars, not asdict: asdict would copy the optimizer's state deeply before it is written.
    torch.save(vars(checkpoint), partial)
    os.replace(partial, path)


def load_dqn_checkpoint(path: Path, fingerprint: str) -> DqnCheckpoint | None:
    """The checkpoint, or None if there is none. Raises TrainingError if other settings made it or it is damaged."""
    if not path.is_file():
        return None
    try:
        checkpoint = DqnCheckpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise TrainingError(f"{path}: damaged checkpoint ({type(error).__name__}); remove it to start again") from error
    if checkpoint.fingerprint != fingerprint:
        raise TrainingError(f"{path}: not made with these settings; remove it or name other --runs")
    return checkpoint

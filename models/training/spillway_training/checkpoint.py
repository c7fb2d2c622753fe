"""Checkpoints: one file for each network, replaced whole after every epoch, so that a killed run continues."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from .errors import TrainingError
from .paths import WEIGHTS
from .recipe import Recipe, fingerprint


@dataclass
class Checkpoint:
    """The state after `epoch` whole epochs, with what the manifest will say about the run."""

    fingerprint: str
    epoch: int
    seconds: float  # spent in training, over all the runs that led here
    mean: list[float]
    deviation: list[float]
    hardware: str
    torch: str
    network: dict[str, Any]
    optimizer: dict[str, Any]


def run_folder(runs: Path, recipe: Recipe) -> Path:
    return runs / f"{recipe.name}-seed-{recipe.seed}"


def checkpoint_path(runs: Path, recipe: Recipe, kind: str) -> Path:
    return run_folder(runs, recipe) / f"{kind}.pt"


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    # Into memory first: torch reports a full disk as an internal error that names no file. vars, not asdict:
    # asdict would copy all tensors deeply.
    content = io.BytesIO()
    torch.save(vars(checkpoint), content)
    write_whole(path, content.getvalue())


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside the old file, then renames: a kill or a full disk leaves the old one whole.

    Raises OSError naming the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def keep_weights(runs: Path, recipe: Recipe, kind: str, weights: Path = WEIGHTS) -> Path:
    """Writes a finished network's weights, in 16 bits and without the optimizer, to where a lost run finds them."""
    finished = load_finished(runs, recipe, kind)
    network = {name: value.half() if value.is_floating_point() else value for name, value in finished.network.items()}
    path = kept_path(checkpoint_path(runs, recipe, kind), weights)
    save_checkpoint(path, replace(finished, network=network, optimizer={}))
    return path


def kept_path(path: Path, weights: Path = WEIGHTS) -> Path:
    """Where the weights of this checkpoint are kept, if they are: in the repository, under the run's own name."""
    return weights / path.parent.name / path.name


def load_checkpoint(path: Path, recipe: Recipe, kind: str) -> Checkpoint | None:
    """The checkpoint, else the weights that are kept of it, in 32 bits; None if there are neither.

    Raises TrainingError if another recipe made it or it is damaged.
    """
    if not path.is_file():
        path = kept_path(path)
    if not path.is_file():
        return None
    try:
        checkpoint = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise TrainingError(f"{path}: damaged checkpoint ({type(error).__name__}); remove it to start again") from error
    if checkpoint.fingerprint != fingerprint(recipe, kind):
        raise TrainingError(f"{path}: not made with these settings; remove it or name other --runs")
    checkpoint.network = {
        name: value.float() if value.is_floating_point() else value for name, value in checkpoint.network.items()
    }
    return checkpoint


def load_finished(runs: Path, recipe: Recipe, kind: str) -> Checkpoint:
    """The checkpoint of a network that has had all its epochs. Raises TrainingError for one that has not."""
    path = checkpoint_path(runs, recipe, kind)
    checkpoint = load_checkpoint(path, recipe, kind)
    epochs = recipe.network(kind).epochs
    if checkpoint is None:
        raise TrainingError(f"{kind} is not trained: {path} not found")
    if checkpoint.epoch < epochs:
        raise TrainingError(f"{kind} is not fully trained: {path} has {checkpoint.epoch} of {epochs} epochs")
    return checkpoint

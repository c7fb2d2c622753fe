"""Logits of networks that are not exported, for the tables; float32, on the CPU, as the exported ones compute."""

from __future__ import annotations

from collections.abc import Iterable

import numpy
import torch
from torch import Tensor

from .augmentation import normalise
from .checkpoint import Checkpoint
from .fold import fold_normalisation
from .networks import EdgeNetwork
from .tail_learner import compress_features
from .tail_network import TailNetwork

BATCH = 250


def run_edge(network: EdgeNetwork, images: Tensor, state: Checkpoint) -> dict[str, numpy.ndarray]:
    """uint8 [N,H,W,3] -> logits [N,classes] of `exit-1` .. `exit-3`."""
    network = fold_normalisation(network)
    parts: dict[str, list[numpy.ndarray]] = {}
    for batch in images.split(BATCH):
        with torch.no_grad():
            all_logits = network(normalise(batch, state.mean, state.deviation))
        for number, logits in enumerate(all_logits, start=1):
            parts.setdefault(f"exit-{number}", []).append(logits.numpy())
    return {name: numpy.concatenate(values) for name, values in parts.items()}


def run_tail(
    network: TailNetwork, edge: EdgeNetwork, images: Tensor, state: Checkpoint, settings: Iterable[int]
) -> dict[str, numpy.ndarray]:
    """Logits [N,classes] of the tail at the settings with these indices, on the features of the edge network."""
    body = fold_normalisation(edge).stages[0].body
    network = fold_normalisation(network)
    parts: dict[str, list[numpy.ndarray]] = {}
    for batch in images.split(BATCH):
        with torch.no_grad():
            features = body(normalise(batch, state.mean, state.deviation))
            for index in settings:
                rows = torch.full((len(batch),), index)
                logits = network(compress_features(network, features, rows), rows)
                own = network.settings[index]
                parts.setdefault(f"tail-{own.channels}x{own.bits}", []).append(logits.numpy())
    return {name: numpy.concatenate(values) for name, values in parts.items()}

"""Frames drawn for a cell: metrics, rewards and intervals of several sequences, from a seed of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from .cell import Cell
from .samples import Samples

# Kinds of draws: the same seed gives each kind other numbers.
TRAINING, VALIDATION = 0, 1


@dataclass(frozen=True)
class Traffic:
    """[sequences, frames] each; intervals int64, the one after each frame."""

    metrics: numpy.ndarray
    rewards: numpy.ndarray
    intervals: numpy.ndarray


def draw_traffic(samples: Samples, cell: Cell, random: numpy.random.Generator, sequences: int, frames: int) -> Traffic:
    """Each sequence is drawn anew, from the first of its frames on."""
    chosen = cell.sequences.draw(random, len(samples), sequences, frames)
    intervals = cell.arrivals.draw(random, sequences, frames)
    return Traffic(samples.metrics[chosen], samples.rewards[chosen], intervals)


def random_of(seed: int, kind: int, iteration: int) -> numpy.random.Generator:
    """Seeded by the iteration, so that a run that was killed and continued draws what one that was not does."""
    return numpy.random.default_rng([seed, kind, iteration])

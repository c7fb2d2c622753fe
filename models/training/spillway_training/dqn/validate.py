"""How well a network does: its mean reward a frame on drawn sequences, playing greedily with a real bucket."""

from __future__ import annotations

import numpy
import torch

from .inputs import InputScaling
from .network import QNetwork
from .targets import worth_offloading
from .token_grid import TokenGrid
from .traffic import Traffic

ROWS_AT_ONCE = 8192


def mean_reward(network: QNetwork, scaling: InputScaling, grid: TokenGrid, traffic: Traffic) -> float:
    """Reward a frame. Each bucket starts full, and is refilled by q x interval after each frame."""
    offloads = play(wanted_offloads(network, scaling, grid, traffic), grid, traffic.intervals)
    return float((traffic.rewards * offloads).mean())


def wanted_offloads(network: QNetwork, scaling: InputScaling, grid: TokenGrid, traffic: Traffic) -> numpy.ndarray:
    """bool [sequences, frames, m + 1]: what the network would do at each level."""
    device = network.parameters.device
    rows = scaling.inputs(traffic.metrics, traffic.intervals).flatten(0, 1)
    with torch.no_grad():
        parts = [worth_offloading(network.outputs(part.to(device)), grid).cpu() for part in rows.split(ROWS_AT_ONCE)]
    return torch.cat(parts).numpy().reshape(*traffic.metrics.shape, grid.m + 1)


def play(wanted: numpy.ndarray, grid: TokenGrid, intervals: numpy.ndarray) -> numpy.ndarray:
    """bool [sequences, frames]: which frames were offloaded."""
    sequences, frames = intervals.shape
    level = numpy.full(sequences, grid.m)
    rows = numpy.arange(sequences)
    offloads = numpy.zeros((sequences, frames), dtype=bool)
    for frame in range(frames):
        offloads[:, frame] = wanted[rows, frame, level]
        level = level - grid.p * offloads[:, frame] + grid.q * intervals[:, frame]
        numpy.minimum(level, grid.m, out=level)
    return offloads

"""What the outputs should be: Bellman's equation for all (token level, action) pairs of a frame at once.

    target(n, a) = a r + discount * max over a' of Q(next input)[n', a'],   n' = min(n - p a + q I, m)

Tokens move by a known rule, so every level of every frame is a sample, and tokens need not be an input. Offloading is
no choice below level p. Discounted sums are large and only their differences decide, so each frame's targets have
their mean over all available pairs subtracted: an amount that depends on no pair, and so changes no decision.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .token_grid import TokenGrid


def bellman_targets(values: Tensor, rewards: Tensor, intervals: Tensor, grid: TokenGrid, discount: float) -> Tensor:
    """float32 [frames, (m + 1) * 2], zero where an action is not available.

    `values` [frames, m + 1] are those of the next frame by level (see `best_values`); `rewards` [frames] are of
    this frame's offload and `intervals` int64 [frames] lead from this frame to the next.
    """
    p, m = grid.p, grid.m
    refilled = torch.arange(m + 1, device=values.device) + (grid.q * intervals).unsqueeze(1)
    stay = values.gather(1, refilled.clamp_(max=m)).mul_(discount)
    spend = stay[:, : m + 1 - p] + rewards.unsqueeze(1)
    mean = (stay.sum(1) + spend.sum(1)) / (2 * (m + 1) - p)
    targets = torch.zeros(len(values), m + 1, 2, dtype=values.dtype, device=values.device)
    targets[:, :, 0] = stay.sub_(mean.unsqueeze(1))
    targets[:, p:, 1] = spend.sub_(mean.unsqueeze(1))
    return targets.flatten(1)


def best_values(outputs: Tensor, grid: TokenGrid) -> Tensor:
    """[frames, m + 1]: the value of each level under the better of the actions that are available there."""
    pairs = outputs.unflatten(1, (grid.m + 1, 2))
    values = pairs[:, :, 0].clone()
    torch.maximum(values[:, grid.p :], pairs[:, grid.p :, 1], out=values[:, grid.p :])
    return values


def available_pairs(grid: TokenGrid) -> Tensor:
    """float32 [(m + 1) * 2]: 1 where the action can be taken at the level, else 0."""
    available = torch.ones(grid.m + 1, 2)
    available[: grid.p, 1] = 0
    return available.flatten()


def worth_offloading(outputs: Tensor, grid: TokenGrid) -> Tensor:
    """bool [frames, m + 1]: whether the policy offloads at each level; below p tokens never, and not for a tie."""
    pairs = outputs.unflatten(1, (grid.m + 1, 2))
    wanted = pairs[:, :, 1] > pairs[:, :, 0]
    wanted[:, : grid.p] = False
    return wanted

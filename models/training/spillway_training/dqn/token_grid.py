"""The token bucket in whole numbers: a rate of q / p tokens a time unit and a depth of m / p tokens.

The rule is that of `shared/src/bucket/token-grid.ts`, so that both sides number the same levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import TrainingError

MAX_SCALE = 100
# Two outputs a level: beyond this the network would be nearly all output layer.
MAX_LEVELS = 10_000


@dataclass(frozen=True)
class TokenGrid:
    """Level n of 0 .. m stands for n / p tokens; an offload takes p, a time unit gives q."""

    q: int
    p: int
    m: int


def token_grid(rate: float, depth: float) -> TokenGrid:
    """The smallest p up to 100 that represents both exactly, else the closest by the sum of relative errors."""
    if not 0 < rate < math.inf:
        raise TrainingError(f"--rate: expected a number above 0, got {rate:g}")
    if not 1 <= depth < math.inf:
        raise TrainingError(f"--depth: expected at least 1, got {depth:g}")
    best, least = None, math.inf
    for p in range(1, MAX_SCALE + 1):
        q, m = math.floor(rate * p + 0.5), math.floor(depth * p + 0.5)
        error = abs(q / p - rate) / rate + abs(m / p - depth) / depth
        # A finer grid must be better by more than rounding to be worth its size.
        if q > 0 and error < least - 1e-9:
            best, least = TokenGrid(q, p, m), error
    best = best or TokenGrid(1, MAX_SCALE, math.floor(depth * MAX_SCALE + 0.5))
    if best.m > MAX_LEVELS:
        raise TrainingError(f"--depth: expected at most {MAX_LEVELS} levels with this rate, got {best.m}")
    return best

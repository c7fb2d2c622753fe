"""The split of the validation images into a calibration half and a report half.

Everything that chooses a number (a temperature, a threshold) sees the calibration half only; everything that
reports one sees the report half only. The TypeScript tools compute the same split, so the generator and the
shuffle are spelled out here rather than taken from NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

UINT32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Split:
    """Ascending image indices; the halves are disjoint and cover 0..count-1."""

    calibration: list[int]
    report: list[int]


def split_indices(count: int, seed: int = 1) -> Split:
    """Shuffles 0..count-1 (Fisher-Yates from the top); the first floor(count/2) are the calibration half.

    Raises ValueError for a negative count. Cost: O(count log count), for the sorting.
    """
    if count < 0:
        raise ValueError(f"count must be at least 0, got {count}")
    random = mulberry32(seed)
    permutation = list(range(count))
    for last in range(count - 1, 0, -1):
        other = int(random() * (last + 1))
        permutation[last], permutation[other] = permutation[other], permutation[last]
    middle = count // 2
    return Split(calibration=sorted(permutation[:middle]), report=sorted(permutation[middle:]))


def mulberry32(seed: int) -> Callable[[], float]:
    """Tommy Ettinger's 32-bit generator: each call returns the next float of [0, 1)."""
    state = seed & UINT32

    def next_float() -> float:
        nonlocal state
        state = (state + 0x6D2B79F5) & UINT32
        mixed = state
        mixed = ((mixed ^ (mixed >> 15)) * (mixed | 1)) & UINT32
        mixed ^= (mixed + (((mixed ^ (mixed >> 7)) * (mixed | 61)) & UINT32)) & UINT32
        return ((mixed ^ (mixed >> 14)) & UINT32) / 4294967296

    return next_float

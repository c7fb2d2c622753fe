"""When images come: the intervals between them, in whole time units.

Each process draws, for every frame, the interval that follows it. The modulated process is a two-state Markov chain
over time units; an image that comes in a state is followed by the next one after that state's interval, and the chain
moves on once a unit meanwhile. (The paper leaves open what a change of state between two images does to the interval
under way; here it does nothing, so an interval is decided when it begins.)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Protocol

import numpy

from ..errors import TrainingError

FORMS = "periodic, geometric:P or modulated:I1,I2,L0,L1"


class Arrival(Protocol):
    mean: float  # of the intervals, in time units, in the long run
    deviation: float

    def draw(self, random: numpy.random.Generator, sequences: int, frames: int) -> numpy.ndarray:
        """int64 [sequences, frames]: the interval after each frame; the process is stationary from the first."""


def parse_arrival(text: str) -> Arrival:
    """The process that a command line names. Raises TrainingError for anything but the forms above."""
    kind, _, rest = text.partition(":")
    try:
        numbers = [float(part) for part in rest.split(",")] if rest else []
    except ValueError:
        numbers = None
    if kind == "periodic" and text == kind:
        return Periodic()
    if kind == "geometric" and numbers and len(numbers) == 1 and 0 < numbers[0] <= 1:
        return Geometric(numbers[0])
    if kind == "modulated" and numbers and len(numbers) == 4:
        first, second, *leaves = numbers
        whole = all(1 <= value <= 1_000_000 and value == int(value) for value in (first, second))
        if whole and all(0 < value <= 1 for value in leaves):
            return Modulated((int(first), int(second)), (leaves[0], leaves[1]))
    raise TrainingError(f"--arrival: expected {FORMS}, whole I >= 1 and probabilities in (0, 1], got {text!r}")


class Periodic:
    mean, deviation = 1.0, 0.0

    def draw(self, random: numpy.random.Generator, sequences: int, frames: int) -> numpy.ndarray:
        return numpy.ones((sequences, frames), dtype=numpy.int64)


@dataclass(frozen=True)
class Geometric:
    """An image comes in any time unit with this probability: intervals 1, 2, ..."""

    probability: float

    @property
    def mean(self) -> float:
        return 1 / self.probability

    @property
    def deviation(self) -> float:
        return sqrt(1 - self.probability) / self.probability

    def draw(self, random: numpy.random.Generator, sequences: int, frames: int) -> numpy.ndarray:
        return random.geometric(self.probability, (sequences, frames))


@dataclass(frozen=True)
class Modulated:
    intervals: tuple[int, int]  # in time units, one for each state
    leave_per_unit: tuple[float, float]  # the probability to leave the state

    @property
    def leave_per_frame(self) -> tuple[float, float]:
        """The probability that the next image finds the other state.

        After k units a chain that started in state s is in the other one with probability
        leave_s / (leave_0 + leave_1) * (1 - (1 - leave_0 - leave_1)^k).
        """
        total = sum(self.leave_per_unit)
        pairs = zip(self.intervals, self.leave_per_unit, strict=True)
        first, second = (leave / total * (1 - (1 - total) ** units) for units, leave in pairs)
        return first, second

    @property
    def second_share(self) -> float:
        """The share of the images that find state 1."""
        leave_first, leave_second = self.leave_per_frame
        # Only intervals that are even in a chain that always changes state leave both at 0: it stays where it started.
        return leave_first / (leave_first + leave_second) if leave_first + leave_second > 0 else 0.5

    @property
    def mean(self) -> float:
        return self.intervals[0] + self.second_share * (self.intervals[1] - self.intervals[0])

    @property
    def deviation(self) -> float:
        share = self.second_share
        return sqrt(share * (1 - share)) * abs(self.intervals[1] - self.intervals[0])

    def draw(self, random: numpy.random.Generator, sequences: int, frames: int) -> numpy.ndarray:
        states = draw_two_states(random, self.leave_per_frame, self.second_share, sequences, frames)
        return numpy.where(states, self.intervals[1], self.intervals[0])


def draw_two_states(
    random: numpy.random.Generator, leave: tuple[float, float], second_share: float, sequences: int, frames: int
) -> numpy.ndarray:
    """bool [sequences, frames]: the states of a two-state chain, without a loop over frames.

    One uniform number u moves the chain from either state: below both probabilities to leave it flips; between them
    only the state with the higher one is left, so the chain is in the other whatever it was before; above both it
    stays. A frame's state is therefore that of the last such certain frame, flipped as often as there were flips
    since. Frame 0 counts as certain.
    """
    uniform = random.random((sequences, frames))
    flips = uniform < min(leave)
    certain = (uniform < max(leave)) & ~flips
    known = numpy.broadcast_to(leave[0] > leave[1], uniform.shape).copy()
    certain[:, 0], flips[:, 0] = True, False
    known[:, 0] = uniform[:, 0] < second_share
    flipped = numpy.cumsum(flips, axis=1)
    last = numpy.maximum.accumulate(numpy.where(certain, numpy.arange(frames), 0), axis=1)
    odd = (flipped - numpy.take_along_axis(flipped, last, axis=1)) % 2 == 1
    return numpy.take_along_axis(known, last, axis=1) ^ odd

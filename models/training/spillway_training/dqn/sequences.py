"""Which image comes: sequences of sample numbers, independent of each other or alike for a while.

"Location reset": the samples are sorted by metric; a location in that order is kept until a reset, which happens
before a frame with a given probability and draws it uniformly anew; each frame is drawn uniformly from the share
`spread` of the samples that begins at the location, wrapping round at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy

from ..errors import TrainingError

FORMS = "iid or location-reset:SPREAD,RESETPROB"


class Sequence(Protocol):
    def draw(self, random: numpy.random.Generator, samples: int, sequences: int, frames: int) -> numpy.ndarray:
        """int64 [sequences, frames]: places in the order of rising metric, below `samples`."""


def parse_sequence(text: str) -> Sequence:
    """The sequence that a command line names. Raises TrainingError for anything but the forms above."""
    if text == "iid":
        return Independent()
    kind, _, rest = text.partition(":")
    try:
        numbers = [float(part) for part in rest.split(",")]
    except ValueError:
        numbers = []
    if kind == "location-reset" and len(numbers) == 2 and 0 < numbers[0] <= 1 and 0 <= numbers[1] <= 1:
        return LocationReset(numbers[0], numbers[1])
    raise TrainingError(f"--sequence: expected {FORMS}, SPREAD in (0, 1], RESETPROB in [0, 1], got {text!r}")


class Independent:
    def draw(self, random: numpy.random.Generator, samples: int, sequences: int, frames: int) -> numpy.ndarray:
        return random.integers(samples, size=(sequences, frames))


@dataclass(frozen=True)
class LocationReset:
    spread: float
    reset_probability: float

    def draw(self, random: numpy.random.Generator, samples: int, sequences: int, frames: int) -> numpy.ndarray:
        shape = (sequences, frames)
        resets = random.random(shape) < self.reset_probability
        resets[:, 0] = True
        last_reset = numpy.maximum.accumulate(numpy.where(resets, numpy.arange(frames), 0), axis=1)
        locations = numpy.take_along_axis(random.integers(samples, size=shape), last_reset, axis=1)
        width = max(1, round(self.spread * samples))
        return (locations + random.integers(width, size=shape)) % samples

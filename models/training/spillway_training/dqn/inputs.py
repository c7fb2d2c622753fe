"""What the network sees of a frame: the current and the last metrics, and the intervals before each of them.

An input row is `history` z-scored metrics, the oldest first and the current one last, then, where the network uses
intervals, as many z-scored inter-arrival times: the one at the same place precedes that frame's image. What lies
before the start of a sequence counts as the mean, 0; so does the interval before its first image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy
import torch
from torch import Tensor

from .arrivals import Arrival
from .samples import Samples


@dataclass(frozen=True)
class Scale:
    mean: float
    deviation: float

    def apply(self, values: numpy.ndarray) -> numpy.ndarray:
        return ((values - self.mean) / self.deviation).astype(numpy.float32)


@dataclass(frozen=True)
class InputScaling:
    history: int
    metric: Scale
    interval: Scale | None  # None: the network does not see intervals

    @property
    def width(self) -> int:
        return self.history * (1 if self.interval is None else 2)

    def inputs(self, metrics: numpy.ndarray, intervals: numpy.ndarray) -> Tensor:
        """float32 [sequences, frames, width], from metrics and the intervals after each frame, [sequences, frames]."""
        parts = [windows(self.metric.apply(metrics), self.history)]
        if self.interval is not None:
            before = numpy.zeros(intervals.shape, dtype=numpy.float32)
            before[:, 1:] = self.interval.apply(intervals[:, :-1])
            parts.append(windows(before, self.history))
        return torch.cat(parts, dim=2)


def fit_scaling(samples: Samples, arrivals: Arrival, history: int, use_intervals: bool) -> InputScaling:
    """Scales from the training metrics and from the long-run law of the intervals."""
    metric = Scale(float(samples.metrics.mean()), positive(float(samples.metrics.std())))
    interval = Scale(arrivals.mean, positive(arrivals.deviation)) if use_intervals else None
    return InputScaling(history, metric, interval)


def positive(deviation: float) -> float:
    """1 for values that are all equal, which then count as the mean whatever they are divided by."""
    return deviation if deviation > 0 else 1.0


def windows(values: numpy.ndarray, history: int) -> Tensor:
    """[sequences, frames, history]: each frame with those before it, zeros before the start."""
    padded = torch.zeros(values.shape[0], history - 1 + values.shape[1])
    padded[:, history - 1 :] = torch.from_numpy(values)
    return padded.unfold(1, history, 1)

"""The training samples: one offload metric and one reward (edge loss - cloud loss) an image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy

from ..errors import TrainingError


@dataclass(frozen=True)
class Samples:
    """float64 [images] each, in the order of rising metric."""

    metrics: numpy.ndarray
    rewards: numpy.ndarray

    def __len__(self) -> int:
        return len(self.metrics)

    def fingerprint(self) -> str:
        return hashlib.sha256(self.metrics.tobytes() + self.rewards.tobytes()).hexdigest()


def read_samples(metrics_path: Path, rewards_path: Path) -> Samples:
    """Reads two .npy files of one number an image. Raises TrainingError naming the file and the row that is wrong."""
    metrics, rewards = read_column(metrics_path), read_column(rewards_path)
    if len(metrics) != len(rewards):
        raise TrainingError(f"{rewards_path}: expected {len(metrics)} rewards, one a metric, got {len(rewards)}")
    return sort_samples(metrics, rewards)


def sort_samples(metrics: numpy.ndarray, rewards: numpy.ndarray) -> Samples:
    order = numpy.argsort(metrics, kind="stable")
    return Samples(metrics[order], rewards[order])


def read_column(path: Path) -> numpy.ndarray:
    try:
        values = numpy.load(path, allow_pickle=False)
    except OSError as error:
        raise TrainingError(f"{path}: not readable ({error.strerror or error})") from error
    except (ValueError, EOFError) as error:
        raise TrainingError(f"{path}: not a .npy file of numbers") from error
    if not isinstance(values, numpy.ndarray) or values.ndim != 1 or values.dtype.kind not in "fiu":
        kind = f"{values.dtype} {list(values.shape)}" if isinstance(values, numpy.ndarray) else "an archive"
        raise TrainingError(f"{path}: expected one real number an image, [images], got {kind}")
    if len(values) == 0:
        raise TrainingError(f"{path}: expected at least one image, got none")
    values = values.astype(numpy.float64)
    finite = numpy.isfinite(values)
    if not finite.all():
        row = int(numpy.argmin(finite))
        raise TrainingError(f"{path}: row {row}: expected a finite number, got {values[row]}")
    return values

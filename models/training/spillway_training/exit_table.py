"""Early exits at work: accuracy and mean cost when an image leaves at the first exit that is sure enough.

Thresholds on the largest probability are chosen on the calibration half, among those that let given shares of the
images leave: the best accuracy at a mean cost of at most a third, a half, two thirds of the whole network. The
report half then says what they are worth; thresholds are fixed, so the cost there need not be quite the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy
import torch

from .data import Dataset
from .manifest import read_manifest
from .run_model import BATCH, OpenModel
from .split import split_indices

COST_SHARES = (1 / 3, 1 / 2, 2 / 3, 1.0)
# An exit lets go of a multiple of this share of the images that reach it.
LEAVING_STEP = 0.02


def measure_exits(folder: Path, data: Dataset, split_seed: int) -> list[dict[str, Any]]:
    model = OpenModel(folder, read_manifest(folder))
    costs = numpy.cumsum([stage["multiplyAdds"] for stage, _ in model.stages]).astype(float)
    parts = [list(model.run_stages(batch)[0].values()) for batch in data.validation.images.split(BATCH)]
    logits = [numpy.concatenate(exit_parts) for exit_parts in zip(*parts, strict=True)]
    everything = judge(logits, data.validation.labels.numpy())
    halves = split_indices(len(data.validation), split_seed)
    calibration, report = everything.select(halves.calibration), everything.select(halves.report)
    whole = leave(report, [numpy.inf] * (len(logits) - 1), costs)
    rows = []
    for share in COST_SHARES:
        thresholds = choose_thresholds(calibration, costs, share)
        result = leave(report, thresholds, costs)
        rows.append(
            {
                "costShareAllowed": round(share, 3),
                "thresholds": [round(float(threshold), 4) for threshold in thresholds],
                "top1": round(result.accuracy, 4),
                "lossAgainstWhole": round(whole.accuracy - result.accuracy, 4),
                "meanMultiplyAdds": round(result.cost),
                "speedUp": round(float(costs[-1]) / result.cost, 2),
                "leaving": [round(value, 3) for value in result.leaving],
                "n": len(halves.report),
            }
        )
    return rows


@dataclass(frozen=True)
class Judged:
    """For each exit and image, [exits,N]: how sure the exit is, and whether it is right."""

    confidence: numpy.ndarray
    right: numpy.ndarray

    def select(self, indices: list[int]) -> Judged:
        return Judged(self.confidence[:, indices], self.right[:, indices])


@dataclass(frozen=True)
class Left:
    accuracy: float
    cost: float
    leaving: list[float]


def judge(logits: list[numpy.ndarray], labels: numpy.ndarray) -> Judged:
    probabilities = torch.from_numpy(numpy.stack(logits)).double().softmax(2)
    confidence, predicted = probabilities.max(2)
    return Judged(confidence.numpy(), predicted.numpy() == labels)


def leave(judged: Judged, thresholds: list[float], costs: numpy.ndarray) -> Left:
    """Every image leaves at its first exit at or above the exit's threshold, or at the last."""
    sure = numpy.stack([*(judged.confidence[:-1] >= numpy.array(thresholds)[:, None]), judged.right[-1] | True])
    chosen = sure.argmax(0)
    right = judged.right[chosen, numpy.arange(len(chosen))]
    leaving = [float((chosen == index).mean()) for index in range(len(sure))]
    return Left(float(right.mean()), float(costs[chosen].mean()), leaving)


def choose_thresholds(judged: Judged, costs: numpy.ndarray, share: float) -> list[float]:
    """The thresholds of the best accuracy at a mean cost of at most `share` of the whole; of equals the cheapest.

    Where even leaving at the first exit costs more, they let everything leave there.
    """
    steps = numpy.arange(0, 1 + LEAVING_STEP / 2, LEAVING_STEP)
    best, best_key = [0.0] * (len(costs) - 1), (-1.0, 0.0)
    for leaving in product(steps, repeat=len(costs) - 1):
        thresholds, staying = [], numpy.ones(judged.confidence.shape[1], bool)
        for index, part in enumerate(leaving):
            scores = judged.confidence[index, staying]
            threshold = numpy.inf if part == 0 or len(scores) == 0 else numpy.quantile(scores, max(0, 1 - part))
            thresholds.append(float(threshold))
            staying &= judged.confidence[index] < threshold
        result = leave(judged, thresholds, costs)
        if result.cost <= share * costs[-1] and (result.accuracy, -result.cost) > best_key:
            best, best_key = thresholds, (result.accuracy, -result.cost)
    return best

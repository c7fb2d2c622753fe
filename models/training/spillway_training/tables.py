"""Tables of comparisons.

`exits` measures the exported model (`exit_table.py`). In the other two every row is a network trained anew on a short
schedule, everything else being equal. `distillation`: distances x strategies, for the edge network. `tail`: the
switchable tail against tails that are trained for one setting only, and without one of its parts each, all from the
recipe's own start; and the recipe's tail, which is trained as long as the separate ones are together. A row that is done
is not trained again, so an interrupted table continues. Top-1 is given for both halves of the validation images: the
calibration half may choose a default, the report half then says what it is worth.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import torch

from .build import build_network
from .checkpoint import Checkpoint, load_finished
from .data import Dataset
from .distillation import DISTANCES
from .evaluate import top1
from .measure import run_edge, run_tail
from .progress import report
from .recipe import Recipe
from .split import split_indices
from .strategies import STRATEGIES
from .train import train_network

TABLES = ("distillation", "tail", "exits")
EDGE_EPOCHS = 5
# Of the twenty settings both extremes, and four spread between them in channels and bits: of 32 channels 4x1, 8x2,
# 16x1, 16x4, 24x2 and 32x8.
COMPARED_SETTINGS = (0, 5, 8, 10, 13, 19)


def run_table(table: str, recipe: Recipe, data: Dataset, runs: Path, device: torch.device) -> list[dict[str, Any]]:
    """The rows, each with its name, the seconds it was trained, and its accuracies."""
    kind, rows = ("edge", distillation_rows(recipe)) if table == "distillation" else ("tail", tail_rows(recipe))
    trained = {name: train_row(name, kind, row, recipe, data, runs, device) for name, row in rows.items()}
    if kind == "tail":
        rows = {"recipe": recipe, **rows}
        trained["recipe"] = load_finished(runs, recipe, kind)
    return [measure_row(name, kind, row, recipe, data, runs, trained[name]) for name, row in rows.items()]


def distillation_rows(recipe: Recipe) -> dict[str, Recipe]:
    rows = {}
    for strategy in STRATEGIES:
        for distance in ("none", *DISTANCES):
            distillation = (
                ()
                if distance == "none"
                else tuple(replace(own, distance=distance) for own in recipe.edge.distillation)
            )
            edge = replace(recipe.edge, epochs=EDGE_EPOCHS, strategy=strategy, distillation=distillation)
            rows[f"{distance}-{strategy}"] = replace(recipe, edge=edge)
    return rows


def tail_rows(recipe: Recipe) -> dict[str, Recipe]:
    short = replace(recipe.tail, epochs=max(1, recipe.tail.epochs // len(COMPARED_SETTINGS)))
    tails = {
        "switchable": short,
        "without-clusters": replace(short, cluster_count=0),
        "without-distillation": replace(short, distillation=()),
    }
    for index in COMPARED_SETTINGS:
        tails[f"only-{index}"] = replace(short, only=index)
    return {name: replace(recipe, tail=tail) for name, tail in tails.items()}


def train_row(
    name: str, kind: str, row: Recipe, base: Recipe, data: Dataset, runs: Path, device: torch.device
) -> Checkpoint:
    row = replace(row, name=f"{base.name}-table-{name}")
    state = train_network(kind, row, data.training, runs, device, base=base)
    report(f"{name}: trained in {state.seconds:.0f} s")
    return state


def measure_row(
    name: str, kind: str, row: Recipe, base: Recipe, data: Dataset, runs: Path, state: Checkpoint
) -> dict[str, Any]:
    logits = run_row(kind, row, base, data, runs, state)
    halves = split_indices(len(data.validation), base.split_seed)
    labels = data.validation.labels.numpy()
    return {
        "row": name,
        "epochs": row.network(kind).epochs,
        "seconds": round(state.seconds),
        "n": {"calibration": len(halves.calibration), "report": len(halves.report)},
        "top1": {
            model: {
                "calibration": round(top1(values[halves.calibration], labels[halves.calibration]), 4),
                "report": round(top1(values[halves.report], labels[halves.report]), 4),
            }
            for model, values in logits.items()
        },
    }


def run_row(
    kind: str, row: Recipe, base: Recipe, data: Dataset, runs: Path, state: Checkpoint
) -> dict[str, numpy.ndarray]:
    network = build_network(kind, row, data.training.classes)
    network.load_state_dict(state.network)
    if kind == "edge":
        return run_edge(network, data.validation.images, state)
    edge = build_network("edge", base, data.training.classes)
    edge.load_state_dict(load_finished(runs, base, "edge").network)
    settings = COMPARED_SETTINGS if row.tail.only is None else [row.tail.only]
    return run_tail(network, edge, data.validation.images, state, settings)

"""The policy file: the trained network and all that is needed to feed it, as JSON.

The network's input is described in `inputs.py`; output level * 2 + action. Numbers are little-endian float32.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from .train import DqnTraining

POLICY_VERSION = 1


def write_policy(training: DqnTraining, model: str | None, path: Path) -> None:
    """Replaces the file whole: a kill at any moment leaves the old one or the new one."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(policy_of(training, model), indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)


def policy_of(training: DqnTraining, model: str | None) -> dict[str, Any]:
    """`model` is the SHA-256 of the manifest whose metrics these are, or None where they are of no model."""
    cell, scaling, state = training.cell, training.scaling, training.state
    return {
        "policyVersion": POLICY_VERSION,
        "kind": "q-network",
        "model": model,
        "grid": asdict(cell.grid),
        "history": scaling.history,
        "usesIntervals": scaling.interval is not None,
        "metric": asdict(scaling.metric),
        "interval": None if scaling.interval is None else asdict(scaling.interval),
        "leak": training.network.leak,
        "layers": [layer_value(weights, bias) for weights, bias in training.network.layers],
        "trainedOn": {
            **asdict(cell),
            "samples": len(training.samples),
            "iterations": state.iteration,
            "seed": training.seed,
            "seconds": round(state.seconds, 1),
            "hardware": state.hardware,
        },
    }


def layer_value(weights: Tensor, bias: Tensor) -> dict[str, Any]:
    outputs, inputs = weights.shape
    return {"inputs": inputs, "outputs": outputs, "weights": encode_floats(weights), "bias": encode_floats(bias)}


def encode_floats(values: Tensor) -> str:
    return base64.b64encode(values.cpu().numpy().astype("<f4").tobytes()).decode("ascii")

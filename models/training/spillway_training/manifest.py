"""The manifest of a model folder: what the Worker, the backend and the tools know about the model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .checkpoint import Checkpoint
from .data import TILE
from .errors import TrainingError
from .graphs import Graph
from .recipe import Recipe

MANIFEST_FILE = "manifest.json"


def build_manifest(
    folder: Path,
    labels: list[str],
    stages: list[Graph],
    large: Graph,
    edge_checkpoint: Checkpoint,
    large_checkpoint: Checkpoint,
    recipe: Recipe,
    recipe_file: str,
) -> dict[str, Any]:
    """The manifest of the graphs that lie in `folder`, without accuracies: those are measured from the files."""
    return {
        "manifestVersion": 1,
        "name": "cifar100",
        "labels": labels,
        "edge": {
            "preprocessing": preprocessing(edge_checkpoint),
            "input": {"name": "image", "datatype": "FP32", "layout": "NCHW"},
            "stages": [describe_stage(folder, stage) for stage in stages],
        },
        "cloud": {
            "large": {
                **describe_file(folder / large.file),
                "preprocessing": preprocessing(large_checkpoint),
                "input": {"name": "image", "datatype": "UINT8", "layout": "NHWC"},
                "logits": "logits",
                **describe_cost(large),
            },
            "tail": None,
        },
        "accuracy": [],
        "training": {
            "recipe": recipe_file,
            "seed": recipe.seed,
            "seconds": round(edge_checkpoint.seconds + large_checkpoint.seconds),
            "hardware": large_checkpoint.hardware,
            "torch": large_checkpoint.torch,
            "dataset": f"CIFAR-100 training split, {recipe.training_images:,} images",
        },
    }


def describe_stage(folder: Path, stage: Graph) -> dict[str, Any]:
    features = None if stage.features_shape is None else {"name": stage.outputs[0], "shape": stage.features_shape}
    return {
        **describe_file(folder / stage.file),
        "input": stage.input,
        "features": features,
        "logits": "logits",
        **describe_cost(stage),
    }


def describe_file(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def describe_cost(graph: Graph) -> dict[str, int]:
    """Multiply-adds for one image, and parameters after folding (see `cost.py`)."""
    return {"multiplyAdds": graph.multiply_adds, "parameters": graph.parameters}


def preprocessing(checkpoint: Checkpoint) -> dict[str, Any]:
    return {"width": TILE, "height": TILE, "fit": "fill", "mean": checkpoint.mean, "std": checkpoint.deviation}


def read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST_FILE
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"manifest not readable: {path} ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("manifestVersion") != 1:
        raise TrainingError(f"{path}: expected manifestVersion 1")
    return manifest


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")

"""The manifest of a model folder: what the Worker, the backend and the tools know about the model."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checkpoint import Checkpoint, write_whole
from .data import Dataset
from .errors import TrainingError
from .graphs import Graph
from .recipe import Recipe
from .settings import Setting

MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Family:
    """The graphs of a model, as they lie in its folder, and the finished training of each network; it may have no
    tail."""

    stages: list[Graph]
    large: Graph
    tail: Graph | None
    settings: list[Setting]
    checkpoints: dict[str, Checkpoint]

    def graphs(self) -> list[Graph]:
        return [*self.stages, self.large, *([] if self.tail is None else [self.tail])]


def build_manifest(folder: Path, family: Family, data: Dataset, recipe: Recipe, recipe_file: str) -> dict[str, Any]:
    """The manifest of the graphs that lie in `folder`, without accuracies: those are measured from the files."""
    checkpoints = family.checkpoints.values()
    images = len(data.training) if recipe.training_images is None else recipe.training_images
    any_checkpoint = family.checkpoints["large"]
    prepared = preprocessing(any_checkpoint, data.training.size)
    return {
        "manifestVersion": 1,
        "name": model_name(folder),
        "labels": data.labels,
        "edge": {
            "preprocessing": prepared,
            "input": {"name": "image", "datatype": "FP32", "layout": "NCHW"},
            "stages": [describe_stage(folder, stage) for stage in family.stages],
        },
        "cloud": {
            "large": {
                **describe_file(folder / family.large.file),
                "preprocessing": prepared,
                "input": {"name": "image", "datatype": "UINT8", "layout": "NHWC"},
                "logits": "logits",
                **describe_cost(family.large),
            },
            "tail": None if family.tail is None else describe_tail(folder, family),
        },
        "accuracy": [],
        "training": {
            "recipe": recipe_file,
            "seed": recipe.seed,
            "seconds": round(sum(checkpoint.seconds for checkpoint in checkpoints)),
            "hardware": any_checkpoint.hardware,
            "torch": any_checkpoint.torch,
            "dataset": f"{data.name} training split, {images:,} images",
        },
    }


def describe_stage(folder: Path, stage: Graph) -> dict[str, Any]:
    features = None if stage.features_shape is None else {"name": stage.outputs[0], "shape": stage.features_shape}
    return {
        **describe_file(folder / stage.file),
        "input": stage.inputs[0],
        "features": features,
        "logits": "logits",
        **describe_cost(stage),
    }


def describe_tail(folder: Path, family: Family) -> dict[str, Any]:
    """The tail reads the features of stage 1: codes, the range of each channel, and the index of the setting."""
    _, height, width = family.stages[0].features_shape
    codes, ranges, setting = family.tail.inputs
    return {
        **describe_file(folder / family.tail.file),
        "features": family.stages[0].outputs[0],
        "inputs": {
            "codes": {"name": codes, "datatype": "UINT8"},
            "ranges": {"name": ranges, "datatype": "FP32"},
            "setting": {"name": setting, "datatype": "INT64"},
        },
        "logits": "logits",
        # In the order of the `setting` input. `rawBytes`: the codes, packed; without ranges, before entropy coding.
        "settings": [
            {"channels": each.channels, "bits": each.bits, "rawBytes": each.raw_bytes(height, width)}
            for each in family.settings
        ],
        **describe_cost(family.tail),
    }


def model_name(folder: Path) -> str:
    """The folder's name in the form that a manifest allows."""
    return re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "model"


def describe_file(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def describe_cost(graph: Graph) -> dict[str, int]:
    """Multiply-adds for one image, and parameters after folding (see `cost.py`)."""
    return {"multiplyAdds": graph.multiply_adds, "parameters": graph.parameters}


def preprocessing(checkpoint: Checkpoint, size: tuple[int, int]) -> dict[str, Any]:
    height, width = size
    return {"width": width, "height": height, "fit": "fill", "mean": checkpoint.mean, "std": checkpoint.deviation}


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
    write_whole(folder / MANIFEST_FILE, (text + "\n").encode())

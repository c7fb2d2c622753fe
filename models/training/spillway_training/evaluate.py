"""Accuracy of a model folder, measured on the exported files as they are shipped.

Top-1 is that of the report half of the validation images, which has chosen nothing. The logits of all validation
images can be kept as an .npz, in the form that `spillway evaluate` writes, for the tools that read one.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy
import onnxruntime

from .checkpoint import write_whole
from .data import Dataset
from .manifest import MANIFEST_FILE, read_manifest, write_manifest
from .run_model import run_model
from .split import split_indices


def evaluate_model(folder: Path, data: Dataset, split_seed: int, logits_file: Path | None = None) -> list[dict]:
    """Measures every exit, the large network and the tail at every setting, writes the result into the manifest
    and returns it."""
    manifest = read_manifest(folder)
    all_logits = run_model(folder, manifest, data.validation.images)
    report_half = split_indices(len(data.validation), split_seed).report
    labels = data.validation.labels.numpy()
    manifest["accuracy"] = [
        {
            "model": name,
            "top1": round(top1(logits[report_half], labels[report_half]), 4),
            "n": len(report_half),
            "dataset": f"{data.validation_name}, report half, split seed {split_seed}",
            "measuredBy": f"models/training evaluate, onnxruntime {onnxruntime.__version__}",
        }
        for name, logits in all_logits.items()
    ]
    write_manifest(folder, manifest)
    if logits_file is not None:
        write_logits(logits_file, folder, all_logits, labels, data.validation_name)
    return manifest["accuracy"]


def top1(logits: numpy.ndarray, labels: numpy.ndarray) -> float:
    """The share of images whose largest logit is at their label.

    Of equal largest logits the first counts; a NaN logit never counts as right.
    """
    predicted = numpy.where(numpy.isnan(logits).any(axis=1), -1, logits.argmax(axis=1))
    return float((predicted == labels).mean())


def write_logits(
    path: Path, folder: Path, all_logits: dict[str, numpy.ndarray], labels: numpy.ndarray, dataset: str
) -> None:
    """`exit1`.., `large`, `tail-<channels>x<bits>`: float32 [N,classes]; `labels`: int64 [N]; `meta`: the code points
    of a JSON text that names the model."""
    model_hash = hashlib.sha256((folder / MANIFEST_FILE).read_bytes()).hexdigest()
    meta = json.dumps({"evaluationVersion": 1, "modelHash": model_hash, "dataset": dataset})
    arrays: dict[str, Any] = {re.sub(r"^exit-", "exit", name): logits for name, logits in all_logits.items()}
    content = io.BytesIO()
    numpy.savez(content, **arrays, labels=labels.astype(numpy.int64), meta=numpy.array([ord(each) for each in meta]))
    write_whole(path, content.getvalue())

"""Accuracy of a model folder, measured on the exported files as they are shipped.

The files are run with onnxruntime on the report half of the validation images, which has chosen nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import torch

from .augmentation import normalise
from .data import LabelledImages, read_validation
from .errors import TrainingError
from .manifest import read_manifest, write_manifest
from .split import split_indices

BATCH = 250


def evaluate_model(folder: Path, data: Path, split_seed: int) -> list[dict[str, Any]]:
    """Measures every exit and the large network, writes the result into the manifest and returns it."""
    validation = read_validation(data)
    report_half = validation.select(split_indices(len(validation), split_seed).report)
    manifest = read_manifest(folder)
    manifest["accuracy"] = [
        {
            "model": name,
            "top1": round(share, 4),
            "n": len(report_half),
            "dataset": f"CIFAR-100 test split: report half of val.webp, split seed {split_seed}",
            "measuredBy": f"models/training evaluate, onnxruntime {onnxruntime.__version__}",
        }
        for name, share in measure_accuracy(folder, manifest, report_half).items()
    ]
    write_manifest(folder, manifest)
    return manifest["accuracy"]


def measure_accuracy(folder: Path, manifest: dict[str, Any], labelled: LabelledImages) -> dict[str, float]:
    """The share of images whose largest logit is at their label, for `exit-1`.. and `large`.

    Of equal largest logits the first counts; a NaN logit never counts as right.
    """
    right: dict[str, int] = {}
    labels = labelled.labels.numpy()
    for start, all_logits in run_model(folder, manifest, labelled):
        for name, logits in all_logits.items():
            predicted = numpy.where(numpy.isnan(logits).any(axis=1), -1, logits.argmax(axis=1))
            right[name] = right.get(name, 0) + int((predicted == labels[start : start + BATCH]).sum())
    return {name: count / len(labelled) for name, count in right.items()}


def run_model(
    folder: Path, manifest: dict[str, Any], labelled: LabelledImages
) -> Iterator[tuple[int, dict[str, numpy.ndarray]]]:
    """Batch by batch: the index of its first image, and the logits [B,classes] of each exit and the large network."""
    stages, large = manifest["edge"]["stages"], manifest["cloud"]["large"]
    stage_sessions = [open_graph(folder / stage["file"]) for stage in stages]
    large_session = open_graph(folder / large["file"])
    preprocessing = manifest["edge"]["preprocessing"]
    for start in range(0, len(labelled), BATCH):
        images = labelled.images[start : start + BATCH]
        all_logits = {}
        features = normalise(images, preprocessing["mean"], preprocessing["std"]).contiguous().numpy()
        for number, (stage, session) in enumerate(zip(stages, stage_sessions, strict=True), start=1):
            outputs = run_graph(session, stage["input"], features)
            all_logits[f"exit-{number}"] = outputs[stage["logits"]]
            features = outputs[stage["features"]["name"]] if stage["features"] else None
        all_logits["large"] = run_graph(large_session, large["input"]["name"], images.numpy())[large["logits"]]
        yield start, all_logits


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise TrainingError(f"model file not usable: {path} ({type(error).__name__})") from error


def run_graph(session: onnxruntime.InferenceSession, input_name: str, value: numpy.ndarray) -> dict[str, numpy.ndarray]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {input_name: value}), strict=True))

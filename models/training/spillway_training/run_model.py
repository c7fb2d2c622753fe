"""What the exported files of a model folder say about images, run with onnxruntime as they are shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import torch
from torch import Tensor

from .augmentation import normalise
from .errors import TrainingError
from .progress import Progress
from .quantise import channel_ranges, quantise

BATCH = 250


def run_model(folder: Path, manifest: dict[str, Any], images: Tensor) -> dict[str, numpy.ndarray]:
    """uint8 [N,H,W,3] -> float32 logits [N,classes] of `exit-1`.., `large` and `tail-<channels>x<bits>`.

    The tail reads stage 1's features compressed at each of its settings, as a client would send them.
    """
    model = OpenModel(folder, manifest)
    parts: dict[str, list[numpy.ndarray]] = {}
    progress = Progress("evaluate", -(-len(images) // BATCH))
    for batch in images.split(BATCH):
        for name, logits in model.run(batch).items():
            parts.setdefault(name, []).append(logits)
        progress.step(f"{len(parts['large'])} batches")
    return {name: numpy.concatenate(all_logits) for name, all_logits in parts.items()}


class OpenModel:
    """The open graphs of a model folder."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.manifest = manifest
        self.stages = [(stage, open_graph(folder / stage["file"])) for stage in manifest["edge"]["stages"]]
        self.large = open_graph(folder / manifest["cloud"]["large"]["file"])
        tail = manifest["cloud"]["tail"]
        self.tail = None if tail is None else open_graph(folder / tail["file"])

    def run(self, images: Tensor) -> dict[str, numpy.ndarray]:
        """uint8 [N,H,W,3] -> the logits of all networks by name."""
        exits, maps = self.run_stages(images)
        return exits | {"large": self.run_large(images)} | self.run_tail(maps)

    def run_stages(self, images: Tensor) -> tuple[dict[str, numpy.ndarray], dict[str, numpy.ndarray]]:
        """The logits of each exit, and the features between the stages by name."""
        preprocessing = self.manifest["edge"]["preprocessing"]
        features = normalise(images, preprocessing["mean"], preprocessing["std"]).contiguous().numpy()
        exits: dict[str, numpy.ndarray] = {}
        maps: dict[str, numpy.ndarray] = {}
        for number, (stage, session) in enumerate(self.stages, start=1):
            outputs = run_graph(session, {stage["input"]: features})
            exits[f"exit-{number}"] = outputs[stage["logits"]]
            if stage["features"]:
                features = maps[stage["features"]["name"]] = outputs[stage["features"]["name"]]
        return exits, maps

    def run_large(self, images: Tensor) -> numpy.ndarray:
        large = self.manifest["cloud"]["large"]
        return run_graph(self.large, {large["input"]["name"]: images.numpy()})[large["logits"]]

    def run_tail(self, maps: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        tail = self.manifest["cloud"]["tail"]
        if tail is None:
            return {}
        features = torch.from_numpy(maps[tail["features"]])
        ranges = channel_ranges(features)
        names = tail["inputs"]
        all_logits = {}
        for index, setting in enumerate(tail["settings"]):
            levels = torch.full((len(features),), 2 ** setting["bits"] - 1)
            codes = quantise(features, ranges, levels)
            codes[:, setting["channels"] :] = 0
            feeds = {
                names["codes"]["name"]: codes.numpy(),
                names["ranges"]["name"]: ranges.numpy(),
                names["setting"]["name"]: numpy.full((len(features), 1), index, numpy.int64),
            }
            all_logits[setting_name(setting)] = run_graph(self.tail, feeds)[tail["logits"]]
        return all_logits


def setting_name(setting: dict[str, int]) -> str:
    return f"tail-{setting['channels']}x{setting['bits']}"


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise TrainingError(f"model file not usable: {path} ({type(error).__name__})") from error


def run_graph(session: onnxruntime.InferenceSession, feeds: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))

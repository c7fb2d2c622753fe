"""Synthetic data and a tiny recipe, so that the tests need no data set and little time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from spillway_training.data import LabelledImages
from spillway_training.mosaics import COLUMNS, TILE, TRAINING_FILES
from spillway_training.read_recipe import parse_recipe
from spillway_training.recipe import Recipe

# The tiny networks gain nothing from a second thread, and lose much where other work keeps a core busy.
torch.set_num_threads(1)

TINY_NETWORK = {
    "width": 8,
    "epochs": 4,
    "batchSize": 50,
    "peakLearningRate": 0.1,
    "warmUpShare": 0.2,
    "momentum": 0.9,
    "weightDecay": 0.0005,
    "labelSmoothing": 0.1,
    "cutout": 4,
    "cutmix": 0,
    "smallEpochs": 0,
    "smallScale": 1,
}
TINY_DISTILLATION = {"distance": "kl", "temperature": 2, "weight": 0.5}


def tiny_recipe_value() -> dict[str, Any]:
    return {
        "name": "tiny",
        "seed": 0,
        "splitSeed": 1,
        "trainingImages": 500,
        "views": 2,
        "edge": {
            **TINY_NETWORK,
            "exitLossWeights": [0.2, 0.2, 0.6],
            "distillation": [TINY_DISTILLATION] * 3,
            "strategy": "joint",
        },
        "large": {**TINY_NETWORK, "exitLossWeights": [1]},
        "tailStart": {**TINY_NETWORK, "exitLossWeights": [1], "distillation": [TINY_DISTILLATION]},
        "tail": {
            **TINY_NETWORK,
            "exitLossWeights": [1],
            "distillation": [TINY_DISTILLATION],
            "clusterCount": 3,
        },
    }


def synthetic_images(count: int, seed: int) -> numpy.ndarray:
    """uint8 [count,32,32,3]: the two halves of each tile have colours of its class, with noise over them."""
    random = numpy.random.default_rng(seed)
    classes = numpy.arange(count) % COLUMNS
    colours = numpy.random.default_rng(0).integers(30, 226, (COLUMNS, 2, 3))[classes]
    halves = numpy.repeat(colours, TILE // 2, axis=1)[:, :, None, :]
    noise = random.integers(-20, 21, (count, TILE, TILE, 3))
    return (halves + noise).clip(0, 255).astype(numpy.uint8)


def write_mosaic(path: Path, images: numpy.ndarray) -> None:
    rows = len(images) // COLUMNS
    pixels = images.reshape(rows, COLUMNS, TILE, TILE, 3).transpose(0, 2, 1, 3, 4)
    Image.fromarray(pixels.reshape(rows * TILE, COLUMNS * TILE, 3)).save(path, lossless=True)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of the real data: five training mosaics of 100 images, a validation mosaic of 200, labels."""
    folder = tmp_path_factory.mktemp("data")
    for part, file in enumerate(TRAINING_FILES):
        write_mosaic(folder / file, synthetic_images(COLUMNS, seed=part + 1))
    write_mosaic(folder / "val.webp", synthetic_images(2 * COLUMNS, seed=9))
    (folder / "labels.txt").write_text("".join(f"class {index}\n" for index in range(COLUMNS)), encoding="utf-8")
    return folder


@pytest.fixture
def recipe() -> Recipe:
    return parse_recipe(tiny_recipe_value())


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.json"
    path.write_text(json.dumps(tiny_recipe_value()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def training_images() -> LabelledImages:
    images = torch.from_numpy(synthetic_images(500, seed=1))
    return LabelledImages(images, torch.arange(500) % COLUMNS, COLUMNS)

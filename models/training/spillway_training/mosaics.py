"""CIFAR-100, read from lossless WebP mosaics.

A mosaic is 100 tiles of 32x32 wide and any number of rows high; tile i lies at row i // 100, column i % 100,
and its label is i % 100.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import torch
from PIL import Image, UnidentifiedImageError

from .data import Dataset, LabelledImages
from .errors import TrainingError

TILE = 32
COLUMNS = 100
TRAINING_FILES = tuple(f"train-{part}.webp" for part in range(5))
VALIDATION_FILES = ("val.webp",)


def read_mosaics(folder: Path) -> Dataset:
    return Dataset(
        name="CIFAR-100",
        training=read_split(folder, TRAINING_FILES),
        validation=read_split(folder, VALIDATION_FILES),
        validation_name="CIFAR-100 test split: val.webp",
        labels=read_labels(folder),
    )


def read_labels(folder: Path) -> list[str]:
    """The class names, in the order of their indices, from labels.txt (one a line)."""
    path = require_file(folder, "labels.txt")
    labels = path.read_text(encoding="utf-8").split("\n")
    labels = [label.strip() for label in labels if label.strip()]
    if len(labels) != COLUMNS:
        raise TrainingError(f"{path}: expected {COLUMNS} labels, one a line, got {len(labels)}")
    return labels


def read_split(folder: Path, files: tuple[str, ...]) -> LabelledImages:
    """Reads the mosaics of one split and joins them in order. Raises TrainingError where one is missing or bad."""
    images = torch.from_numpy(numpy.concatenate([read_mosaic(require_file(folder, file)) for file in files]))
    return LabelledImages(images, torch.arange(len(images)) % COLUMNS, COLUMNS)


def read_mosaic(path: Path) -> numpy.ndarray:
    """The tiles of one mosaic: uint8 [N,32,32,3]. Raises TrainingError if its size is not whole rows of 100 tiles."""
    try:
        with Image.open(path) as mosaic:
            width, height = mosaic.size
            if width != COLUMNS * TILE or height % TILE != 0:
                raise TrainingError(
                    f"{path}: expected a mosaic {COLUMNS * TILE} pixels wide and a multiple of {TILE} high, "
                    f"got {width}x{height}"
                )
            pixels = numpy.asarray(mosaic.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise TrainingError(f"{path}: not a readable image ({error})") from error
    rows = height // TILE
    tiles = pixels.reshape(rows, TILE, COLUMNS, TILE, 3).transpose(0, 2, 1, 3, 4)
    return numpy.ascontiguousarray(tiles).reshape(-1, TILE, TILE, 3)


def require_file(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise TrainingError(f"data file not found: {path} (name another folder with --data)")
    return path

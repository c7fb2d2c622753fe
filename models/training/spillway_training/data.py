"""Labelled images of one set: read whole, held as one uint8 tensor (50,000 of 32x32 are 154 MB).

`read_dataset` finds out which of three forms the data has: the CIFAR-100 mosaics (`mosaics.py`), a folder of images
for each class (`class_folders.py`), or NumPy arrays (`npz_images.py`). The number of classes and the size of the
images are those of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from torch import Tensor

from .errors import TrainingError


@dataclass(frozen=True)
class LabelledImages:
    """`images`: uint8 RGB [N,H,W,3]; `labels`: int64 [N], indices below `classes`."""

    images: Tensor
    labels: Tensor
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.images.shape[1], self.images.shape[2]

    def select(self, indices: Sequence[int]) -> LabelledImages:
        chosen = torch.as_tensor(indices, dtype=torch.long)
        return LabelledImages(self.images[chosen], self.labels[chosen], self.classes)

    def channel_statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each colour over all pixels, on the scale 0..1, to 4 decimals.

        Rounded here, once, so that training, export and manifest use the very same constants. Computed from
        the 256-bin histogram of each channel: exact, and without a float copy of the images.
        """
        values = numpy.arange(256) / 255
        mean, deviation = [], []
        for channel in range(3):
            histogram = numpy.bincount(self.images[..., channel].numpy().ravel(), minlength=256)
            average = float(histogram @ values / histogram.sum())
            variance = float(histogram @ (values - average) ** 2 / histogram.sum())
            mean.append(round(average, 4))
            deviation.append(max(round(variance**0.5, 4), 1e-4))
        return mean, deviation


@dataclass(frozen=True)
class Dataset:
    """What a model is made from: `training` shapes weights, `validation` measures them. `labels` are class names."""

    name: str
    training: LabelledImages
    validation: LabelledImages
    validation_name: str
    labels: list[str]

    def __post_init__(self) -> None:
        if self.training.size != self.validation.size:
            sizes = " and ".join(f"{width}x{height}" for height, width in (self.training.size, self.validation.size))
            raise TrainingError(f"{self.name}: training and validation images differ in size: {sizes}")


def read_dataset(path: Path, size: tuple[int, int] | None = None) -> Dataset:
    """The data at `path`. `size`: height and width that images of other sizes are brought to.

    Raises TrainingError where there is none, or it cannot be used.
    """
    from .class_folders import read_class_folders
    from .mosaics import TRAINING_FILES, read_mosaics
    from .npz_images import read_arrays

    if path.suffix == ".npz" and path.is_file():
        return read_arrays(path)
    if not path.is_dir():
        raise TrainingError(f"data folder not found: {path} (name another with --data)")
    if (path / "train.npz").is_file():
        return read_arrays(path)
    if any(entry.is_dir() and not entry.name.startswith(".") for entry in path.iterdir()):
        return read_class_folders(path, size)
    if not any((path / name).is_file() for name in (*TRAINING_FILES, "labels.txt")):
        raise TrainingError(f"{path}: expected CIFAR-100 mosaics, a folder of images for each class, or train.npz")
    return read_mosaics(path)


def split_validation(images: LabelledImages) -> tuple[LabelledImages, LabelledImages]:
    """Training and validation images of data that has no validation part: every tenth image of each class, from
    the tenth on, is for validation. Raises TrainingError where a class has too few images for both."""
    seen = [0] * images.classes
    training, validation = [], []
    for index, label in enumerate(images.labels.tolist()):
        seen[label] += 1
        (validation if seen[label] % 10 == 0 else training).append(index)
    if not validation:
        raise TrainingError("expected a validation part, or at least ten images of a class to take one from")
    return images.select(training), images.select(validation)

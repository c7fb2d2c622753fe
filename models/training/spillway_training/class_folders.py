"""Images in a folder for each class: `<data>/<class>/<image>`, or that under `train` and `val`.

The class names are the folders' names in sorted order. Without a `val` folder, every tenth image of each class is
kept for validation. Images of other sizes than the recipe's are stretched, each pixel the mean of what it covers,
as the Worker does.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from .data import Dataset, LabelledImages, split_validation
from .errors import TrainingError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def read_class_folders(path: Path, size: tuple[int, int] | None) -> Dataset:
    """Raises TrainingError for an empty folder, an image that cannot be read, or classes that do not match."""
    name = path.resolve().name
    if not (path / "train").is_dir():
        labels = list_classes(path)
        try:
            training, validation = split_validation(read_folder(path, labels, size))
        except TrainingError as error:
            raise error if str(path) in str(error) else TrainingError(f"{path}: {error}") from error
        return Dataset(name, training, validation, f"{name}: every tenth image of each class", labels)
    labels = list_classes(path / "train")
    if not (path / "val").is_dir():
        raise TrainingError(f"{path / 'val'}: folder not found; train has one beside it")
    found = list_classes(path / "val")
    if found != labels:
        odd = ", ".join(sorted(set(found) ^ set(labels)))
        raise TrainingError(f"{path / 'val'}: expected the {len(labels)} classes of train, differs in: {odd}")
    training = read_folder(path / "train", labels, size)
    validation = read_folder(path / "val", labels, size or training.size)
    return Dataset(name, training, validation, f"{name}: val", labels)


def list_classes(folder: Path) -> list[str]:
    labels = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(labels) < 2:
        raise TrainingError(f"{folder}: expected a folder of images for each of at least 2 classes, got {len(labels)}")
    return labels


def read_folder(folder: Path, labels: list[str], size: tuple[int, int] | None) -> LabelledImages:
    images, indices = [], []
    for index, label in enumerate(labels):
        files = sorted(file for file in (folder / label).iterdir() if file.suffix.lower() in SUFFIXES)
        if not files:
            raise TrainingError(f"{folder / label}: no images")
        for file in files:
            image = read_image(file, size)
            # Without a wish, the first image says how large all are.
            size = image.shape[:2]
            images.append(image)
            indices.append(index)
    return LabelledImages(torch.from_numpy(numpy.stack(images)), torch.tensor(indices), len(labels))


def read_image(path: Path, size: tuple[int, int] | None) -> numpy.ndarray:
    """uint8 [H,W,3], upright, transparency on black. Raises TrainingError if the file is no whole image."""
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise TrainingError(f"{path}: not a readable image ({error})") from error
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BOX)
    return numpy.asarray(image)

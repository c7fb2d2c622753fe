"""Images as NumPy arrays: an .npz with `images` uint8 [N,H,W,3] and `labels` integers [N], optionally `names`.

A folder has train.npz and val.npz; a single file gives every tenth image of each class to validation. Without
`names`, an array of strings, the classes are named by their numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import torch

from .data import Dataset, LabelledImages, split_validation
from .errors import TrainingError


def read_arrays(path: Path) -> Dataset:
    """Raises TrainingError for arrays that are missing or do not fit together."""
    if path.is_dir():
        images, names = read_file(path / "train.npz", None)
        validation, _ = read_file(path / "val.npz", images.classes)
        where = f"{path.resolve().name}: val.npz"
        return Dataset(path.resolve().name, images, validation, where, names)
    images, names = read_file(path, None)
    try:
        training, validation = split_validation(images)
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error
    return Dataset(path.stem, training, validation, f"{path.stem}: every tenth image of each class", names)


def read_file(path: Path, classes: int | None) -> tuple[LabelledImages, list[str]]:
    """The images of one file, and the names of its classes; `classes`: how many there must be, if that is known."""
    arrays = load_arrays(path)
    images, labels = arrays["images"], arrays["labels"]
    if images.dtype != numpy.uint8 or images.ndim != 4 or images.shape[3] != 3 or images.size == 0:
        raise TrainingError(f"{path}: images: expected uint8 [N,height,width,3], got {images.dtype} {images.shape}")
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise TrainingError(f"{path}: labels: expected {len(images)} integers, got {labels.dtype} {labels.shape}")
    count = len(arrays["names"]) if "names" in arrays else (classes or int(labels.max()) + 1)
    if classes is not None and count != classes:
        raise TrainingError(f"{path}: expected {classes} classes, as in train.npz, got {count}")
    if count < 2 or labels.min() < 0 or labels.max() >= count:
        wanted = f"labels of at least 2 classes, 0 to {max(count, 2) - 1}"
        raise TrainingError(f"{path}: expected {wanted}, got {labels.min()} to {labels.max()}")
    names = [str(name) for name in arrays["names"]] if "names" in arrays else [str(index) for index in range(count)]
    tensor = torch.from_numpy(numpy.ascontiguousarray(images))
    return LabelledImages(tensor, torch.from_numpy(labels.astype(numpy.int64)), count), names


def load_arrays(path: Path) -> dict[str, numpy.ndarray]:
    try:
        with numpy.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files if name in ("images", "labels", "names")}
    except Exception as error:
        raise TrainingError(f"{path}: not readable as .npz ({error})") from error
    for name in ("images", "labels"):
        if name not in found:
            raise TrainingError(f"{path}: no array {name!r}")
    return found

"""The batches of one epoch: images in random order, augmented, with their labels and what the teacher says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .augmentation import augment, blank_squares, cutmix, normalise, pad_images, shrink
from .data import LabelledImages
from .recipe import NetworkRecipe
from .teacher import Teacher
from .views import Views


@dataclass(frozen=True)
class Batch:
    """`images`: normalised float32 [B,3,H,W]; `labels`: int64 [B]; `teacher`: logits [B,classes] or None.

    Where images were mixed with one another, `partners` are the indices of those mixed in, and `own_share` is what
    is left of each image.
    """

    images: Tensor
    labels: Tensor
    teacher: Tensor | None
    partners: Tensor | None = None
    own_share: float = 1.0

    def mixed_in(self) -> Batch:
        """The same images, with the labels and the teacher's logits of what was mixed into them."""
        teacher = None if self.teacher is None else self.teacher[self.partners]
        return replace(self, labels=self.labels[self.partners], teacher=teacher)

    def select(self, indices: Tensor | slice) -> Batch:
        """Some of the images; not for mixed ones."""
        teacher = None if self.teacher is None else self.teacher[indices]
        return Batch(self.images[indices], self.labels[indices], teacher)


class FreshBatches:
    """Augments anew in every epoch: for a network that teaches itself."""

    def __init__(self, training: LabelledImages, settings: NetworkRecipe, device: torch.device) -> None:
        self.padded, self.labels = pad_images(training.images).to(device), training.labels.to(device)
        self.settings, self.device = settings, device

    def draw_images(self, epoch: int, chosen: Tensor, generator: torch.Generator) -> Tensor:
        return augment(self.padded[chosen.to(self.device)], self.settings.cutout, generator)

    def judge(self, epoch: int, chosen: Tensor) -> Tensor | None:
        return None


class ViewBatches:
    """Goes through the cached views, one an epoch, and round again; with no teacher it sees the same images.

    Every second time around they are mirrored: a teacher that was trained on mirrored images thinks nearly the same
    of both, and a student has twice as many images to learn from.
    """

    def __init__(self, views: Views, labels: Tensor, teacher: Teacher | None, settings: NetworkRecipe) -> None:
        self.views, self.labels, self.teacher, self.settings = views, labels, teacher, settings
        self.device = views.padded.device

    def draw_images(self, epoch: int, chosen: Tensor, generator: torch.Generator) -> Tensor:
        images = self.views.images(epoch % self.views.count, chosen)
        if epoch // self.views.count % 2 == 1:
            images = images.flip(2)
        return blank_squares(images, self.settings.cutout, generator) if self.settings.cutout > 0 else images

    def judge(self, epoch: int, chosen: Tensor) -> Tensor | None:
        return None if self.teacher is None else self.teacher.judge(epoch % self.views.count, chosen)


def draw_batches(
    source: FreshBatches | ViewBatches,
    epoch: int,
    generator: torch.Generator,
    mean: list[float],
    deviation: list[float],
) -> Iterator[Batch]:
    """One pass over the images in random order; the last incomplete batch is left out."""
    settings = source.settings
    order = torch.randperm(len(source.labels), generator=generator)
    for step in range(len(order) // settings.batch_size):
        chosen = order[step * settings.batch_size : (step + 1) * settings.batch_size]
        images = source.draw_images(epoch, chosen, generator)
        partners, own_share = None, 1.0
        if torch.rand(1, generator=generator).item() < settings.cutmix:
            images, partners, own_share = cutmix(images, generator)
        images = normalise(images, mean, deviation)
        if epoch < settings.small_epochs:
            images = shrink(images, settings.small_scale).contiguous(memory_format=torch.channels_last)
        labels = source.labels[chosen.to(source.device)]
        yield Batch(images, labels, source.judge(epoch, chosen), partners, own_share)

"""Random shift, mirror, cutout and CutMix of a whole batch at once: one gather, no loop over the images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

PADDING = 4


def pad_images(images: Tensor) -> Tensor:
    """uint8 [N,H,W,3] -> [N,H+8,W+8,3], mirrored at the edges; done once for the whole training split."""
    channels_first = images.permute(0, 3, 1, 2)
    # Padding by reflection is written for floats; a slice at a time keeps the float copy small.
    parts = channels_first.split(5000)
    padded = [functional.pad(part.float(), (PADDING,) * 4, mode="reflect").byte() for part in parts]
    return torch.cat(padded).permute(0, 2, 3, 1).contiguous()


def augment(padded: Tensor, cutout: int, generator: torch.Generator) -> Tensor:
    """Shifts each image by -4..4 pixels both ways, mirrors half of them, and blanks a square of each.

    `padded`: uint8 [N,H+8,W+8,3], as from `pad_images`; `cutout`: the side of the blanked square in pixels,
    0 for none. Returns uint8 [N,H,W,3].
    """
    images = crop(padded, draw_crops(len(padded), generator))
    return blank_squares(images, cutout, generator) if cutout > 0 else images


@dataclass(frozen=True)
class Crops:
    """Where each image is cut out of its padded one: int64 [N,1] each, and whether it is mirrored (0 or 1)."""

    top: Tensor
    left: Tensor
    mirrored: Tensor

    def select(self, indices: Tensor) -> Crops:
        return Crops(self.top[indices], self.left[indices], self.mirrored[indices])


def draw_crops(count: int, generator: torch.Generator) -> Crops:
    limits = (2 * PADDING + 1, 2 * PADDING + 1, 2)
    return Crops(*(torch.randint(limit, (count, 1), generator=generator) for limit in limits))


def crop(padded: Tensor, crops: Crops) -> Tensor:
    """uint8 [N,H+8,W+8,3] -> [N,H,W,3], on the device of the images."""
    device = padded.device
    height, width = padded.shape[1] - 2 * PADDING, padded.shape[2] - 2 * PADDING
    rows = crops.top.to(device) + torch.arange(height, device=device)
    columns = crops.left.to(device) + torch.arange(width, device=device)
    columns = torch.where(crops.mirrored.to(device) == 1, columns.flip(1), columns)
    image_indices = torch.arange(len(padded), device=device)[:, None, None]
    return padded[image_indices, rows[:, :, None], columns[:, None, :]]


def blank_squares(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Blanks one square of each image, in place. The blank is mid-grey, near the mean of the images."""
    count, height, width = images.shape[:3]
    in_rows = inside(torch.randint(height, (count, 1), generator=generator), side, height)
    in_columns = inside(torch.randint(width, (count, 1), generator=generator), side, width)
    images[(in_rows[:, :, None] & in_columns[:, None, :]).to(images.device)] = 128
    return images


def cutmix(images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Pastes one rectangle, the same for the whole batch, from each image's partner (Yun et al. 2019).

    `images`: uint8 [N,H,W,3], changed in place. The rectangle's share of the area is uniform in 0..1 before it is
    cut off at the border. Returns the images, the partners' indices int64 [N], and the share of each image that is
    still its own.
    """
    count, height, width = images.shape[0], images.shape[1], images.shape[2]
    partners = torch.randperm(count, generator=generator).to(images.device)
    side = torch.rand(1, generator=generator).item() ** 0.5
    rows, columns = round(height * side), round(width * side)
    top = int(torch.randint(height, (1,), generator=generator)) - rows // 2
    left = int(torch.randint(width, (1,), generator=generator)) - columns // 2
    box = (slice(max(top, 0), max(top + rows, 0)), slice(max(left, 0), max(left + columns, 0)))
    patch = images[partners][:, box[0], box[1]]
    images[:, box[0], box[1]] = patch
    own_share = 1 - patch.shape[1] * patch.shape[2] / (height * width)
    return images, partners, own_share


def shrink(images: Tensor, scale: float) -> Tensor:
    """float [N,C,H,W] -> [N,C,h,w] with sides scaled and rounded; each pixel the mean of those that it covers."""
    size = [max(1, round(side * scale)) for side in images.shape[2:]]
    return functional.interpolate(images, size=size, mode="area") if size != list(images.shape[2:]) else images


def inside(center: Tensor, side: int, length: int) -> Tensor:
    """Which of 0..length-1 lie in the interval of `side` pixels around each centre: [N,1] -> bool [N,length]."""
    distance = torch.arange(length) - center + side // 2
    return (distance >= 0) & (distance < side)


def normalise(images: Tensor, mean: list[float], deviation: list[float]) -> Tensor:
    """uint8 [N,H,W,3] -> float32 [N,3,H,W], (x / 255 - mean) / deviation, channels last in memory."""
    scale = 1 / (255 * torch.tensor(deviation, device=images.device))
    offset = -torch.tensor(mean, device=images.device) / torch.tensor(deviation, device=images.device)
    return (images * scale + offset).permute(0, 3, 1, 2)

"""A fixed number of augmented views of the whole training set, the same for every network that sees them.

View v shifts and mirrors image i as a generator seeded by (seed, v) says, so that what a teacher thinks of view v
can be computed once and kept, and students of one recipe all see the very same images (Beyer et al. 2021: a
teacher should see what its student sees).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .augmentation import Crops, crop, draw_crops


class Views:
    """`padded`: uint8 [N,H+8,W+8,3], as from `pad_images`."""

    def __init__(self, padded: Tensor, count: int, seed: int) -> None:
        self.padded, self.count, self.seed = padded, count, seed
        self.current: tuple[int, Crops] | None = None

    def images(self, view: int, chosen: Tensor) -> Tensor:
        """The images with the indices `chosen`, int64 [B], as view `view` shows them: uint8 [B,H,W,3]."""
        if self.current is None or self.current[0] != view:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + view)
            self.current = view, draw_crops(len(self.padded), generator)
        return crop(self.padded[chosen.to(self.padded.device)], self.current[1].select(chosen))

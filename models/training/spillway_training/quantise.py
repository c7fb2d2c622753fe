"""The quantiser of feature maps: codes over the range of each channel of one image.

A channel's values between its smallest m and its largest M become codes round((x - m) / (M - m) * levels), and come
back as m + code (M - m) / levels: at most half a step of (M - m) / levels away. A range comes from the one image
that is sent, so an image's codes never depend on what else is in the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor


def channel_ranges(features: Tensor) -> Tensor:
    """[N,C,H,W] -> [N,C,2]: smallest and largest value of each channel of each image."""
    return torch.stack([features.amin((2, 3)), features.amax((2, 3))], dim=2)


def quantise(features: Tensor, ranges: Tensor, levels: Tensor) -> Tensor:
    """features [N,C,H,W], ranges [N,C,2], levels [N] -> uint8 codes [N,C,H,W], 0 to levels of the image.

    A channel of one value has codes 0. Halves are rounded to the even code, as torch and NumPy do.
    """
    low, high = ranges[..., 0, None, None], ranges[..., 1, None, None]
    spread = high - low
    scale = torch.where(spread > 0, levels.to(features)[:, None, None, None] / spread, torch.zeros_like(spread))
    return ((features - low) * scale).round().clamp(0, 255).to(torch.uint8)


def dequantise(codes: Tensor, ranges: Tensor, levels: Tensor) -> Tensor:
    """The inverse up to rounding: float32 [N,C,H,W]."""
    low, high = ranges[..., 0, None, None], ranges[..., 1, None, None]
    return low + codes.to(ranges) * ((high - low) / levels.to(ranges)[:, None, None, None])

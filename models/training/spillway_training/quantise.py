"""The quantiser of feature maps: codes over the range of each channel of one image.

A channel's values between its smallest m and its largest M become codes round((x - m) / (M - m) * levels), and come
back as m + code (M - m) / levels: at most half a step of (M - m) / levels away, but for the rounding of m and M,
which travel as 16-bit floats. A range comes from the one image that is sent, so an image's codes never depend on what
else is in the batch. `shared/src/split/quantiser.ts` computes the very same codes.
"""

from __future__ import annotations

import torch
from torch import Tensor


# The largest finite 16-bit float.
LARGEST_HALF = 65504.0


def channel_ranges(features: Tensor) -> Tensor:
    """[N,C,H,W] -> float32 [N,C,2]: smallest and largest value of each channel of each image, as 16-bit floats can
    say them."""
    ranges = torch.stack([features.amin((2, 3)), features.amax((2, 3))], dim=2)
    return ranges.clamp(-LARGEST_HALF, LARGEST_HALF).half().float()


def quantise(features: Tensor, ranges: Tensor, levels: Tensor) -> Tensor:
    """features [N,C,H,W], ranges [N,C,2], levels [N] -> uint8 codes [N,C,H,W], 0 to levels of the image.

    A channel of one value has codes 0. Halves are rounded to the even code, as torch and NumPy do. Values that the
    rounding of their range left outside have the code of its end.
    """
    low, high = ranges[..., 0, None, None], ranges[..., 1, None, None]
    spread = high - low
    scale = torch.where(spread > 0, levels.to(features)[:, None, None, None] / spread, torch.zeros_like(spread))
    codes = ((features - low) * scale).round().clamp(min=0)
    return torch.minimum(codes, levels.to(codes)[:, None, None, None]).to(torch.uint8)


def dequantise(codes: Tensor, ranges: Tensor, levels: Tensor) -> Tensor:
    """The inverse up to rounding: float32 [N,C,H,W]."""
    low, high = ranges[..., 0, None, None], ranges[..., 1, None, None]
    return low + codes.to(ranges) * ((high - low) / levels.to(ranges)[:, None, None, None])

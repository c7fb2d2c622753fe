"""The layers that both networks are made of.

Only dense 3x3 and 1x1 convolutions: depthwise ones save multiply-adds but run slowly in WebAssembly, which
has no kernel for them that keeps its vector units busy. Every normalisation follows a convolution directly,
so that `fold.py` can fold all of them away before export.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvolutionNorm(nn.Module):
    """Convolution without bias, then batch normalisation: [N,in,H,W] -> [N,out,H/stride,W/stride]."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels_out)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.convolution(features))


def convolution_layer(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, normalisation, rectifier."""
    return nn.Sequential(ConvolutionNorm(channels_in, channels_out, stride=stride), nn.ReLU(inplace=True))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions added to their input; where the shape changes, a 1x1 convolution carries the input."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.first = convolution_layer(channels_in, channels_out, stride)
        self.second = ConvolutionNorm(channels_out, channels_out)
        same_shape = channels_in == channels_out and stride == 1
        self.shortcut = nn.Identity() if same_shape else ConvolutionNorm(channels_in, channels_out, 1, stride)

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(features)) + self.shortcut(features))


class Classifier(nn.Module):
    """Mean over the pixels, then one linear layer: [N,C,H,W] -> logits [N,classes], not normalised by a softmax."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features.mean(dim=(2, 3)))

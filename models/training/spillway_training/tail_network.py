"""The tail: a switchable network on stage 1's features, as they come over the wire at any of its settings.

One set of weights; the normalisation has statistics of its own for each setting, since features of 1 bit or of few
channels are distributed otherwise, and one scale and shift for all (RTCoInfer). The setting of each image is an
input, so one batch may mix settings.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import Classifier
from .settings import Setting


class SwitchableNorm(nn.Module):
    """Batch normalisation with running statistics [S,C], one row a setting, and one scale and shift [C]."""

    MOMENTUM = 0.1
    EPSILON = 1e-5

    def __init__(self, channels: int, settings: int) -> None:
        super().__init__()
        # The share of a running statistic that the next batch replaces.
        self.momentum = self.MOMENTUM
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(settings, channels))
        self.register_buffer("running_var", torch.ones(settings, channels))

    def forward(self, features: Tensor, setting: Tensor | int) -> Tensor:
        """features [N,C,H,W]; setting: int64 [N], or one for all. In training it must be one, whose row moves."""
        if isinstance(setting, int):
            statistics = self.running_mean[setting], self.running_var[setting]
            return functional.batch_norm(
                features, *statistics, self.weight, self.bias, self.training, self.momentum, self.EPSILON
            )
        if self.training:
            raise ValueError("expected one setting for the whole batch in training")
        scale, shift = self.folded()
        return features * scale[setting][:, :, None, None] + shift[setting][:, :, None, None]

    def folded(self) -> tuple[Tensor, Tensor]:
        """[S,C] each: what a normalised value is multiplied by, and what is then added."""
        scale = self.weight / torch.sqrt(self.running_var + self.EPSILON)
        return scale, self.bias - self.running_mean * scale


class SwitchableConvolution(nn.Module):
    """Convolution without bias, then switchable normalisation."""

    def __init__(self, channels_in: int, channels_out: int, settings: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False)
        self.norm: nn.Module = SwitchableNorm(channels_out, settings)

    def forward(self, features: Tensor, setting: Tensor | int) -> Tensor:
        return self.norm(self.convolution(features), setting)


class SwitchableBlock(nn.Module):
    """A residual block of switchable convolutions; where the shape changes, a 1x1 convolution carries the input."""

    def __init__(self, channels_in: int, channels_out: int, settings: int, stride: int = 1) -> None:
        super().__init__()
        self.first = SwitchableConvolution(channels_in, channels_out, settings, stride=stride)
        self.second = SwitchableConvolution(channels_out, channels_out, settings)
        same_shape = channels_in == channels_out and stride == 1
        self.shortcut = None if same_shape else SwitchableConvolution(channels_in, channels_out, settings, 1, stride)

    def forward(self, features: Tensor, setting: Tensor | int) -> Tensor:
        carried = features if self.shortcut is None else self.shortcut(features, setting)
        return functional.relu(self.second(functional.relu(self.first(features, setting)), setting) + carried)


class TailNetwork(nn.Module):
    """Three residual blocks; `width` is the number of channels of the first; each later one has twice as many at half
    the resolution.

    `clusters`, int64 [S], says which settings' gradients point alike; -1 for the extremes, and for all before it is
    known. It is kept here so that a checkpoint holds it.
    """

    def __init__(self, classes: int, channels: int, width: int, settings: list[Setting]) -> None:
        super().__init__()
        count = len(settings)
        self.settings = settings
        self.blocks = nn.ModuleList(
            [
                SwitchableBlock(channels, width, count),
                SwitchableBlock(width, 2 * width, count, stride=2),
                SwitchableBlock(2 * width, 4 * width, count, stride=2),
            ]
        )
        self.classifier = Classifier(4 * width, classes)
        present = torch.arange(channels) < torch.tensor([setting.channels for setting in settings])[:, None]
        self.register_buffer("present", present.float(), persistent=False)
        levels = torch.tensor([setting.levels for setting in settings], dtype=torch.float32)
        self.register_buffer("levels", levels, persistent=False)
        self.register_buffer("clusters", torch.full((count,), -1))

    def forward(self, features: Tensor, setting: Tensor | int) -> Tensor:
        """Dequantised features [N,C,H,W], channels that are not sent being zero -> logits. `setting`: int64 [N], or
        one for all; in training it must be one."""
        for block in self.blocks:
            features = block(features, setting)
        return self.classifier(features)

    def share_statistics(self, setting: int) -> None:
        """Gives every setting the running statistics of one."""
        for norm in self.norms():
            for statistics in (norm.running_mean, norm.running_var):
                statistics.copy_(statistics[setting].clone().expand_as(statistics))

    def norms(self) -> list[SwitchableNorm]:
        return [module for module in self.modules() if isinstance(module, SwitchableNorm)]

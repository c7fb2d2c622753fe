"""The networks: the multi-exit edge network, and the large cloud network, for RGB images of any size.

`forward` of the edge network returns the logits of its exits, for joint training; export takes its stages
apart (`stages`), because an early exit must save the work of the stages behind it. Widths are chosen for
32x32 images; the tail, which needs statistics of its own for each setting, is in `tail_network.py`.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .basis import Basis
from .layers import Classifier, ConvolutionNorm, ResidualBlock, convolution_layer


class Stage(nn.Module):
    """One stage of the edge network: a body that computes features, and the exit that classifies them.

    The exit has convolutions of its own, each at half the resolution before it, so that the body's features need not
    be linearly separable where they leave: they serve the next stage first.
    """

    def __init__(self, body: nn.Module, channels: int, exit_channels: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.body = body
        self.channels = channels
        widths = (channels, *exit_channels)
        layers = [convolution_layer(before, after, stride=2) for before, after in pairwise(widths)]
        self.exit: nn.Module = nn.Sequential(*layers, Classifier(widths[-1], classes))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[N,Cin,Hin,Win] -> (features [N,C,H,W], logits [N,classes])."""
        features = self.body(features)
        return features, self.exit(features)


class EdgeNetwork(nn.Module):
    """Three stages over one stem, an exit after each; `width` is the number of channels that leave the stem.

    Stage 1 stays at half the image's sides with few channels: its feature map is what may travel to the cloud, where
    neighbouring values that are alike cost little, and a map at a quarter of the sides, of as many values in all,
    leaves exits 2 and 3 and the tail behind. It ends in a basis that puts first what is worth most (see `basis.py`).
    """

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        middle, top = 3 * width, 8 * width
        stem = nn.Sequential(
            convolution_layer(3, width // 2),
            convolution_layer(width // 2, width, stride=2),
            ResidualBlock(width, width),
            ResidualBlock(width, width),
            Basis(width),
        )
        second = nn.Sequential(ResidualBlock(width, middle, stride=2), ResidualBlock(middle, middle))
        third = nn.Sequential(ResidualBlock(middle, middle), ResidualBlock(middle, top, stride=2))
        self.stages = nn.ModuleList(
            [
                Stage(stem, width, (middle, 4 * width), classes),
                Stage(second, middle, (6 * width,), classes),
                Stage(third, top, (), classes),
            ]
        )

    def stem_readers(self) -> tuple[Basis, list[ConvolutionNorm]]:
        """The basis of stage 1's features, and the layers that read them."""
        first, second = self.stages[0], self.stages[1].body[0]
        return first.body[-1], [first.exit[0][0], second.first[0], second.shortcut]

    def forward(self, image: Tensor, deepest: int = 3) -> list[Tensor]:
        """Normalised images [N,3,H,W] -> the logits [N,classes] of exits 1 to `deepest`."""
        features, all_logits = image, []
        for stage in self.stages[:deepest]:
            features, logits = stage(features)
            all_logits.append(logits)
        return all_logits


class LargeNetwork(nn.Module):
    """A residual network of nine wide layers, after the nine-layer network of Page's DAWNBench entry (2018).

    Few wide layers rather than many narrow ones: the wide ones fill the matrix units of a CPU or GPU, and
    fewer of them learn faster in the ten or so epochs that a CPU affords.
    """

    def __init__(self, classes: int, width: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution_layer(3, width),
            convolution_layer(width, 2 * width),
            nn.MaxPool2d(2),
            ResidualBlock(2 * width, 2 * width),
            convolution_layer(2 * width, 4 * width),
            nn.MaxPool2d(2),
            convolution_layer(4 * width, 8 * width),
            nn.MaxPool2d(2),
            ResidualBlock(8 * width, 8 * width),
        )
        self.classifier = Classifier(8 * width, classes)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Normalised images [N,3,H,W] -> a list of one: logits [N,classes]."""
        return [self.classifier(self.body(image))]

"""The two networks: the multi-exit edge network and the large cloud network, for 32x32 RGB images.

`forward` of the edge network returns the logits of all its exits, for joint training; export takes its
stages apart (`stages`), because an early exit must save the work of the stages behind it.
"""

from __future__ import annotations

from torch import Tensor, nn

from .layers import Classifier, ResidualBlock, convolution_layer


class Stage(nn.Module):
    """One stage of the edge network: a body that computes features, and the exit that classifies them.

    The exit has a convolution of its own, at half resolution, so that the body's features need not be
    linearly separable where they leave: they serve the next stage first.
    """

    def __init__(self, body: nn.Module, channels: int, exit_channels: int | None, classes: int) -> None:
        super().__init__()
        self.body = body
        self.channels = channels
        self.exit: nn.Module = (
            Classifier(channels, classes)
            if exit_channels is None
            else nn.Sequential(convolution_layer(channels, exit_channels, stride=2), Classifier(exit_channels, classes))
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[N,Cin,Hin,Win] -> (features [N,C,H,W], logits [N,classes])."""
        features = self.body(features)
        return features, self.exit(features)


class EdgeNetwork(nn.Module):
    """Three stages over one stem, an exit after each; `width` is the number of channels that leave the stem.

    Stage 1 brings the image down to 8x8 at once: its feature map is what may travel to the cloud, so it must
    be small (64 channels of 8x8 at the default width).
    """

    def __init__(self, classes: int, width: int = 64) -> None:
        super().__init__()
        half = width // 2
        stem = nn.Sequential(
            convolution_layer(3, 3 * width // 8),
            convolution_layer(3 * width // 8, half, stride=2),
            convolution_layer(half, half),
            convolution_layer(half, width, stride=2),
        )
        middle = ResidualBlock(width, 3 * width // 2)
        top = ResidualBlock(3 * width // 2, 7 * width // 2, stride=2)
        self.stages = nn.ModuleList(
            [
                Stage(stem, width, 3 * width // 2, classes),
                Stage(middle, 3 * width // 2, 2 * width, classes),
                Stage(top, 7 * width // 2, None, classes),
            ]
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Normalised images [N,3,32,32] -> the logits [N,classes] of each exit, the shallowest first."""
        features, all_logits = image, []
        for stage in self.stages:
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
        """Normalised images [N,3,32,32] -> a list of one: logits [N,classes]."""
        return [self.classifier(self.body(image))]

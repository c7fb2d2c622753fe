"""Folding of batch normalisation into what is left of it at inference: a convolution, or a table of factors."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from .layers import ConvolutionNorm
from .tail_network import SwitchableConvolution, SwitchableNorm


def fold_normalisation(network: nn.Module) -> nn.Module:
    """A copy of the network in evaluation mode, on the CPU, without batch normalisation.

    With running mean m, running variance v, scale g and shift b, norm(w * x) = (g / sqrt(v + eps)) (w * x - m) + b,
    which is one convolution with weights w g / sqrt(v + eps) and bias b - m g / sqrt(v + eps). Computed in float64.
    A switchable normalisation stays, as a table of factors and shifts for each setting.
    """
    folded = copy.deepcopy(network).cpu().eval()
    for module in folded.modules():
        if isinstance(module, ConvolutionNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.convolution = fold_convolution(module.convolution, module.norm)
            module.norm = nn.Identity()
        elif isinstance(module, SwitchableConvolution) and isinstance(module.norm, SwitchableNorm):
            module.norm = NormTable(module.norm)
    return folded


def fold_convolution(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    factor = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    folded = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size,
        convolution.stride,
        convolution.padding,
    )
    with torch.no_grad():
        folded.weight.copy_(convolution.weight.double() * factor[:, None, None, None])
        folded.bias.copy_(norm.bias.double() - norm.running_mean.double() * factor)
    return folded.requires_grad_(False)


class NormTable(nn.Module):
    """Factor and shift [S,C] of a switchable normalisation: x * factor[setting] + shift[setting]."""

    def __init__(self, norm: SwitchableNorm) -> None:
        super().__init__()
        factor, shift = norm.folded()
        self.factor = nn.Parameter(factor.detach().clone(), requires_grad=False)
        self.shift = nn.Parameter(shift.detach().clone(), requires_grad=False)

    def forward(self, features: Tensor, setting: Tensor) -> Tensor:
        return features * self.factor[setting][:, :, None, None] + self.shift[setting][:, :, None, None]

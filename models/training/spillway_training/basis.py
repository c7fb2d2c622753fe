"""The basis in which stage 1 gives its features: components in the order of what they are worth to those who read them.

The convolutional layers that read a feature map f, pixel by pixel a vector of C values, hear of a change d about
d' A d, A being the sum over all their outputs and taps of w w'. With M the second moment of f, the best k numbers to
send are the first k of U' A^(1/2) f, where A^(1/2) M A^(1/2) = U diag(falling) U': of all k-dimensional
approximations theirs loses least of what is heard, and an error of any component counts alike. It is the
Karhunen-Loeve transform, as image coders use it, of what the readers hear. The second moment is not centred: a
component that is not sent is read as zero.

The readers' weights are multiplied by the inverse, so that the network computes what it did before. Nothing is
trained for it, and the exits lose nothing by it.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from .layers import ConvolutionNorm

# Of the mean of A's eigenvalues: directions that nobody reads are taken for read a little, or A had no inverse.
RIDGE = 1e-3


class Basis(nn.Conv2d):
    """Features in the basis, one 1x1 convolution: [N,C,H,W] -> [N,C,H,W]. The identity until it is set, and no
    training step moves it."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 1, bias=False)
        del self.weight
        self.register_buffer("weight", torch.eye(channels)[:, :, None, None])


def set_basis(basis: Basis, readers: list[ConvolutionNorm], batches: Iterable[Tensor]) -> None:
    """Finds the basis for features float32 [N,C,H,W], as they are without one, and has the readers read it."""
    moment = second_moment(batches)
    root = square_root(hearing(readers))
    _, vectors = torch.linalg.eigh(root @ moment @ root)
    components = vectors.flip(1).T @ root
    # Of the size that the features had, and no component with more weight below zero than above.
    components *= (moment.trace() / (components @ moment @ components.T).trace()).sqrt()
    components *= torch.where(components.sum(1, keepdim=True) < 0, -1.0, 1.0)
    inverse = torch.linalg.inv(components)
    with torch.no_grad():
        basis.weight.copy_(components[:, :, None, None])
        for reader in readers:
            weight = reader.convolution.weight
            weight.copy_(torch.einsum("oikl,ij->ojkl", weight.cpu().double(), inverse))


def second_moment(batches: Iterable[Tensor]) -> Tensor:
    """float64 [C,C]: the mean of f f' over images and pixels."""
    total, count = None, 0
    for features in batches:
        pixels = features.movedim(1, -1).flatten(0, -2).double()
        product = (pixels.T @ pixels).cpu()
        total, count = product if total is None else total + product, count + len(pixels)
    if total is None:
        raise ValueError("expected at least one batch of features")
    return total / count


def hearing(readers: list[ConvolutionNorm]) -> Tensor:
    """float64 [C,C]: the sum of w w' over outputs and taps of all readers, normalisation included."""
    weights = []
    for reader in readers:
        norm = reader.norm
        scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        scaled = reader.convolution.weight.detach().double() * scale[:, None, None, None]
        weights.append(scaled.movedim(1, -1).flatten(0, -2))
    stacked = torch.cat(weights).detach().cpu()
    heard = stacked.T @ stacked
    return heard + RIDGE * heard.trace() / len(heard) * torch.eye(len(heard), dtype=heard.dtype)


def square_root(matrix: Tensor) -> Tensor:
    """Of a symmetric positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T

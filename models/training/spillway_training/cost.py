"""What a network costs: multiply-adds for one image, and parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def count_multiply_adds(network: nn.Module, *examples: Tensor) -> int:
    """Multiply-adds of all convolutions and linear layers while the inputs, batches of one, pass through.

    Measured by hooks on the layers as they run. Biases, activations, pooling and the scaling of pixels are not
    counted. Raises ValueError if the batch is not of one image.
    """
    if examples[0].shape[0] != 1:
        raise ValueError(f"expected a batch of one image, got {examples[0].shape[0]}")
    total = 0

    def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        # Each output value is a sum over the weights of one output channel.
        total += output.numel() * layer.weight[0].numel()

    layers = [module for module in network.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    try:
        with torch.no_grad():
            network(*examples)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def count_parameters(network: nn.Module) -> int:
    """Trained values of the network as it stands: for a folded one, weights and biases without normalisation."""
    return sum(parameter.numel() for parameter in network.parameters())

"""The learning rate of a cycle, and the optimizer that it drives."""

from __future__ import annotations

import torch
from torch import nn

from .recipe import NetworkRecipe


def build_optimizer(network: nn.Module, settings: NetworkRecipe) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum."""
    return torch.optim.SGD(
        network.parameters(),
        lr=settings.peak_learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.momentum > 0,
    )


def learning_rate(step: int, steps: int, settings: NetworkRecipe) -> float:
    """One cycle: from 0 up to the peak over the warm-up share of the steps, then down to 0, both linearly."""
    position = (step + 1) / (steps + 1)
    if position < settings.warm_up_share:
        return settings.peak_learning_rate * position / settings.warm_up_share
    return settings.peak_learning_rate * (1 - position) / (1 - settings.warm_up_share)

"""Which class a kind of network is, and how wide."""

from __future__ import annotations

from torch import nn

from .networks import EdgeNetwork, LargeNetwork
from .recipe import Recipe
from .settings import list_settings
from .tail_network import TailNetwork


def build_network(kind: str, recipe: Recipe, classes: int) -> nn.Module:
    """An untrained `edge`, `large`, `tail-start`, `tail` or `teacher` network."""
    width = recipe.network(kind).width
    if kind == "edge":
        return EdgeNetwork(classes, width)
    if kind in ("tail-start", "tail"):
        channels = recipe.edge.width
        return TailNetwork(classes, channels, width, list_settings(channels))
    return LargeNetwork(classes, width)

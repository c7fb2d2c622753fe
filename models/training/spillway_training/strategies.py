"""In which order the exits of the edge network are trained, and what stands still meanwhile.

`joint`: all at once. `deepest-first`: the trunk with the last exit, then the other exits on the frozen trunk.
`shallowest-first`: stage 1 with its exit, then stage 2 with its exit on the frozen stage 1, and so on.
Each phase has its own learning-rate cycle; together they have the epochs of the recipe.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

STRATEGIES = ("joint", "deepest-first", "shallowest-first")


@dataclass(frozen=True)
class Phase:
    """`first_epoch` up to, not including, `end_epoch`; `trained`: prefixes of the names of modules that move."""

    first_epoch: int
    end_epoch: int
    trained: tuple[str, ...]
    exit_loss_weights: tuple[float, ...]  # for exits 1 to the deepest that takes part

    @property
    def deepest(self) -> int:
        return len(self.exit_loss_weights)


def plan_phases(strategy: str, epochs: int, exit_loss_weights: tuple[float, ...]) -> list[Phase]:
    """The phases in order. Raises ValueError for a strategy that is none, or where a phase would have no epoch."""
    exits = len(exit_loss_weights)
    if strategy == "joint":
        return [Phase(0, epochs, ("",), exit_loss_weights)]
    if strategy == "deepest-first":
        trunk = tuple(f"stages.{index}.body" for index in range(exits)) + (f"stages.{exits - 1}.exit",)
        branches = tuple(f"stages.{index}.exit" for index in range(exits - 1))
        # The branches are small and start from good features: a third of the epochs is enough for them.
        parts = [(2, trunk, (0.0,) * (exits - 1) + (1.0,)), (1, branches, (1.0,) * (exits - 1))]
    elif strategy == "shallowest-first":
        parts = [(1, (f"stages.{index}",), (0.0,) * index + (1.0,)) for index in range(exits)]
    else:
        raise ValueError(f"expected one of {', '.join(STRATEGIES)}, got {strategy}")
    return share_epochs(epochs, parts)


def share_epochs(epochs: int, parts: list[tuple[int, tuple[str, ...], tuple[float, ...]]]) -> list[Phase]:
    whole = sum(share for share, _, _ in parts)
    ends = [round(epochs * sum(share for share, _, _ in parts[: index + 1]) / whole) for index in range(len(parts))]
    phases = [
        Phase(first, end, trained, weights)
        for first, end, (_, trained, weights) in zip([0, *ends], ends, parts, strict=False)
    ]
    if any(phase.first_epoch == phase.end_epoch for phase in phases):
        raise ValueError(f"{epochs} epochs are too few for {len(parts)} phases")
    return phases


def phase_of(phases: list[Phase], epoch: int) -> Phase:
    return next(phase for phase in phases if phase.first_epoch <= epoch < phase.end_epoch)


def freeze_all_but(network: nn.Module, trained: tuple[str, ...]) -> None:
    """Puts the modules named by a prefix of `trained` into training mode; the others move neither their weights
    nor the running statistics of their normalisation."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(trained))
        parameter.grad = None
    for name, module in network.named_modules():
        # Not module.train(), which would reach into children that are to stand still.
        module.training = name.startswith(trained)

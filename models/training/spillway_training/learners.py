"""What one training step means for each kind of network: which parts move, and what the loss is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from .basis import set_basis
from .batches import Batch
from .distillation import exit_loss
from .networks import EdgeNetwork
from .recipe import Distillation, EdgeRecipe, NetworkRecipe
from .strategies import Phase, freeze_all_but, phase_of, plan_phases

# Of training images that the basis of stage 1's features is found on.
BASIS_BATCHES = 20


class StepResult(NamedTuple):
    """The loss to be lowered, and logits with their labels for the progress line to count right answers of."""

    loss: Tensor
    logits: Tensor
    labels: Tensor


class Learner(Protocol):
    """The network that is trained, and its loss."""

    network: nn.Module

    def begin_epoch(self, epoch: int) -> tuple[int, int]:
        """Readies the network; returns the first epoch of the current learning-rate cycle and the one after it."""

    def step(self, batch: Batch, generator: torch.Generator) -> StepResult:
        """Passes a batch through the network."""

    def finish(self, batches: Iterator[Batch]) -> None:
        """Called once, after the last epoch; `batches` are training batches that may be looked at once more."""


class LargeLearner:
    """One exit, all of the network, from the first epoch to the last."""

    def __init__(self, network: nn.Module, settings: NetworkRecipe) -> None:
        self.network, self.settings = network, settings

    def begin_epoch(self, epoch: int) -> tuple[int, int]:
        self.network.train()
        return 0, self.settings.epochs

    def step(self, batch: Batch, generator: torch.Generator) -> StepResult:
        all_logits = self.network(batch.images)
        loss = mixed_loss(all_logits, batch, self.settings, exit_terms(self.settings))
        return StepResult(loss, all_logits[-1], batch.labels)

    def finish(self, batches: Iterator[Batch]) -> None:
        pass


class EdgeLearner:
    """The exits in the order of the strategy."""

    def __init__(self, network: EdgeNetwork, settings: EdgeRecipe) -> None:
        self.network, self.settings = network, settings
        self.phases = plan_phases(settings.strategy, settings.epochs, settings.exit_loss_weights)
        self.phase: Phase = self.phases[0]

    def begin_epoch(self, epoch: int) -> tuple[int, int]:
        self.phase = phase_of(self.phases, epoch)
        freeze_all_but(self.network, self.phase.trained)
        return self.phase.first_epoch, self.phase.end_epoch

    def step(self, batch: Batch, generator: torch.Generator) -> StepResult:
        deepest = self.phase.deepest
        all_logits = self.network(batch.images, deepest)
        terms = exit_terms(self.settings, self.phase.exit_loss_weights)
        loss = mixed_loss(all_logits, batch, self.settings, terms)
        return StepResult(loss, all_logits[deepest - 1], batch.labels)

    def finish(self, batches: Iterator[Batch]) -> None:
        """Orders stage 1's features by what they are worth; what the network computes stays the same."""
        basis, readers = self.network.stem_readers()
        stem = self.network.stages[0].body[:-1].eval()
        with torch.no_grad():
            set_basis(basis, readers, (stem(batch.images).float() for batch in islice(batches, BASIS_BATCHES)))


class Term(NamedTuple):
    """What the loss of one exit counts for, and how it is taught."""

    weight: float
    distillation: Distillation | None


def exit_terms(settings: NetworkRecipe, weights: tuple[float, ...] | None = None) -> list[Term]:
    weights = settings.exit_loss_weights if weights is None else weights
    distillation = settings.distillation or (None,) * len(weights)
    return [Term(weight, own) for weight, own in zip(weights, distillation, strict=False)]


def mixed_loss(all_logits: list[Tensor], batch: Batch, settings: NetworkRecipe, terms: list[Term]) -> Tensor:
    """The joint loss; of mixed images, that of both parts by their shares."""
    loss = joint_loss(all_logits, batch, settings, terms)
    if batch.partners is None:
        return loss
    mixed_in = joint_loss(all_logits, batch.mixed_in(), settings, terms)
    return batch.own_share * loss + (1 - batch.own_share) * mixed_in


def joint_loss(all_logits: list[Tensor], batch: Batch, settings: NetworkRecipe, terms: list[Term]) -> Tensor:
    """The weighted sum of the exits' losses, in nats: sum over i of w_i loss_i (see `distillation.py`)."""
    losses = [
        term.weight * exit_loss(logits, batch.labels, settings.label_smoothing, term.distillation, batch.teacher)
        for term, logits in zip(terms, all_logits, strict=True)
        if term.weight > 0
    ]
    return torch.stack(losses).sum()

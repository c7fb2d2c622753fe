"""Training of one network: SGD with Nesterov momentum, one learning-rate cycle, all exits jointly.

The same loop serves the edge network (three exits) and the large one (one exit). The state after the last
epoch is the result: no epoch is chosen, so no image but those of the training split has any say in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from .augmentation import augment, cutmix, normalise, pad_images, shrink
from .checkpoint import Checkpoint, checkpoint_path, load_checkpoint, save_checkpoint
from .data import LabelledImages
from .errors import TrainingError
from .machine import computes_in_bfloat16, describe_hardware, keep_freed_memory
from .networks import EdgeNetwork, LargeNetwork
from .progress import Progress, report
from .recipe import NetworkRecipe, Recipe, fingerprint

CLASSES = 100


def train_network(
    kind: str,
    recipe: Recipe,
    training: LabelledImages,
    runs: Path,
    device: torch.device,
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> Checkpoint:
    """Trains the `edge` or `large` network to its last epoch, continuing from its checkpoint if there is one.

    Each epoch draws its order and augmentation from a generator seeded by (seed, epoch), so that a run that was
    killed and continued sees the same batches as one that was not. Returns the final checkpoint, also on disk.
    """
    keep_freed_memory()
    settings = recipe.network(kind)
    training = take_training_images(training, recipe, settings)
    path = checkpoint_path(runs, recipe, kind)
    run = begin(kind, recipe, training, path, device)
    state, padded = run.state, pad_images(training.images)
    while state.epoch < settings.epochs:
        started = time.monotonic()
        generator = torch.Generator().manual_seed(recipe.seed * 100_003 + state.epoch)
        train_epoch(run, padded, training.labels, generator)
        state.epoch += 1
        state.seconds += time.monotonic() - started
        state.network, state.optimizer = run.network.state_dict(), run.optimizer.state_dict()
        save_checkpoint(path, state)
        after_epoch(state.epoch)
    return state


@dataclass(frozen=True)
class Run:
    """What one training run works with; `state` is the checkpoint to be."""

    settings: NetworkRecipe
    network: nn.Module
    optimizer: torch.optim.Optimizer
    state: Checkpoint
    device: torch.device
    progress: Progress


def take_training_images(training: LabelledImages, recipe: Recipe, settings: NetworkRecipe) -> LabelledImages:
    wanted = recipe.training_images
    if len(training) < wanted:
        raise TrainingError(f"trainingImages: {wanted} wanted, but the data holds {len(training)}")
    if wanted < settings.batch_size:
        raise TrainingError(f"batchSize: {settings.batch_size} is more than trainingImages, {wanted}")
    return LabelledImages(training.images[:wanted], training.labels[:wanted])


def begin(kind: str, recipe: Recipe, training: LabelledImages, path: Path, device: torch.device) -> Run:
    """A run from its checkpoint, or from freshly seeded weights where there is none."""
    settings = recipe.network(kind)
    torch.manual_seed(recipe.seed)
    network = build_network(kind, settings).to(device, memory_format=torch.channels_last)
    optimizer = build_optimizer(network, settings)
    state = load_checkpoint(path, recipe, kind)
    if state is None:
        state = new_checkpoint(fingerprint(recipe, kind), training, device)
    else:
        network.load_state_dict(state.network)
        optimizer.load_state_dict(state.optimizer)
        report(f"{kind}: continuing after epoch {state.epoch} of {settings.epochs}")
    steps = len(training) // settings.batch_size
    progress = Progress(kind, settings.epochs * steps, state.epoch * steps)
    return Run(settings, network, optimizer, state, device, progress)


def new_checkpoint(settings_fingerprint: str, training: LabelledImages, device: torch.device) -> Checkpoint:
    mean, deviation = training.channel_statistics()
    return Checkpoint(
        fingerprint=settings_fingerprint,
        epoch=0,
        seconds=0.0,
        mean=mean,
        deviation=deviation,
        hardware=describe_hardware(device),
        torch=torch.__version__.split("+")[0],
        network={},
        optimizer={},
    )


def build_network(kind: str, settings: NetworkRecipe) -> nn.Module:
    return {"edge": EdgeNetwork, "large": LargeNetwork}[kind](CLASSES, settings.width)


def build_optimizer(network: nn.Module, settings: NetworkRecipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        network.parameters(),
        lr=settings.peak_learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.momentum > 0,
    )


def train_epoch(run: Run, padded: Tensor, labels: Tensor, generator: torch.Generator) -> None:
    """One pass over the images in random order; the last incomplete batch is left out."""
    settings, state, device = run.settings, run.state, run.device
    run.network.train()
    bfloat16 = computes_in_bfloat16(device)
    order = torch.randperm(len(labels), generator=generator)
    steps = len(labels) // settings.batch_size
    running = RunningAverage()
    for step in range(steps):
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(state.epoch * steps + step, settings.epochs * steps, settings)

        chosen = order[step * settings.batch_size : (step + 1) * settings.batch_size]
        images = augment(padded[chosen], settings.cutout, generator)
        targets = labels[chosen].to(device)
        partners, own_share = None, 1.0
        if torch.rand(1, generator=generator).item() < settings.cutmix:
            images, partners, own_share = cutmix(images, generator)
        images = normalise(images, state.mean, state.deviation).to(device)
        if state.epoch < settings.small_epochs:
            images = shrink(images, settings.small_scale).contiguous(memory_format=torch.channels_last)

        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            all_logits = run.network(images)
        loss = joint_loss(all_logits, targets, settings)
        if partners is not None:
            mixed_in = joint_loss(all_logits, targets[partners.to(device)], settings)
            loss = own_share * loss + (1 - own_share) * mixed_in
        if not torch.isfinite(loss):
            raise TrainingError(f"training diverged in epoch {state.epoch + 1}: the loss is {loss.item()}")
        run.optimizer.zero_grad()
        loss.backward()
        run.optimizer.step()

        running.add(loss.item(), (all_logits[-1].argmax(1) == targets).float().mean().item())
        run.progress.step(f"epoch {state.epoch + 1} of {settings.epochs}, step {step + 1} of {steps}, {running}")
    report(f"epoch {state.epoch + 1}: {running}")


def joint_loss(all_logits: list[Tensor], targets: Tensor, settings: NetworkRecipe) -> Tensor:
    """The weighted sum of the exits' cross-entropies, in nats: sum over i of w_i CE(logits_i, targets)."""
    losses = [
        weight * functional.cross_entropy(logits.float(), targets, label_smoothing=settings.label_smoothing)
        for weight, logits in zip(settings.exit_loss_weights, all_logits, strict=True)
    ]
    return torch.stack(losses).sum()


def learning_rate(step: int, steps: int, settings: NetworkRecipe) -> float:
    """One cycle: from 0 up to the peak over the warm-up share of the steps, then down to 0, both linearly."""
    position = (step + 1) / (steps + 1)
    if position < settings.warm_up_share:
        return settings.peak_learning_rate * position / settings.warm_up_share
    return settings.peak_learning_rate * (1 - position) / (1 - settings.warm_up_share)


class RunningAverage:
    """Loss and accuracy over the last hundred or so training batches, for the progress line only."""

    def __init__(self) -> None:
        self.loss: float | None = None
        self.accuracy = 0.0

    def add(self, loss: float, accuracy: float) -> None:
        keep = 0.0 if self.loss is None else 0.98
        self.loss = keep * (self.loss or 0.0) + (1 - keep) * loss
        self.accuracy = keep * self.accuracy + (1 - keep) * accuracy

    def __str__(self) -> str:
        return f"training loss {self.loss:.3f}, last exit right {self.accuracy:.1%}"

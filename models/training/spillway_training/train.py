"""Training of one network: SGD with Nesterov momentum, one learning-rate cycle a phase.

The same loop serves all networks; what a step means for each is in `learners.py` and `tail_learner.py`. The state
after the last epoch is the result: no epoch is chosen, so no image but those of the training split has any say in it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from .augmentation import pad_images
from .batches import Batch, FreshBatches, ViewBatches, draw_batches
from .build import build_network
from .checkpoint import Checkpoint, checkpoint_path, load_checkpoint, load_finished, save_checkpoint
from .data import LabelledImages
from .errors import TrainingError
from .learners import EdgeLearner, LargeLearner, Learner
from .machine import computes_in_bfloat16, describe_hardware, keep_freed_memory
from .progress import Progress, report
from .recipe import STUDENTS, NetworkRecipe, Recipe, fingerprint
from .schedule import build_optimizer, learning_rate
from .tail_learner import Stem, TailLearner, TailStartLearner
from .teacher import prepare_teacher
from .views import Views


def train_network(
    kind: str,
    recipe: Recipe,
    training: LabelledImages,
    runs: Path,
    device: torch.device,
    after_epoch: Callable[[int], None] = lambda epoch: None,
    base: Recipe | None = None,
) -> Checkpoint:
    """Trains one network to its last epoch, continuing from its checkpoint if there is one.

    Each epoch draws its order and augmentation from a generator seeded by (seed, epoch), so that a run that was
    killed and continued sees the same batches as one that was not. `base`: the recipe in whose run the teacher,
    the stem and the tail's start lie, if not this one. Returns the final checkpoint, also on disk.
    """
    keep_freed_memory()
    settings = recipe.network(kind)
    training = take_training_images(training, recipe, settings)
    path = checkpoint_path(runs, recipe, kind)
    base = recipe if base is None else base
    run = begin(kind, recipe, base, training, runs, device)
    state = run.state
    if state.epoch == settings.epochs:
        return state
    source = open_batches(kind, recipe, base, training, runs, device)
    run.progress.restart_clock()
    while state.epoch < settings.epochs:
        started = time.monotonic()
        generator = torch.Generator().manual_seed(recipe.seed * 100_003 + state.epoch)
        train_epoch(run, draw_batches(source, state.epoch, generator, state.mean, state.deviation), generator)
        if state.epoch + 1 == settings.epochs:
            finish(run, draw_batches(source, state.epoch, generator, state.mean, state.deviation))
        state.epoch += 1
        state.seconds += time.monotonic() - started
        state.network, state.optimizer = run.learner.network.state_dict(), run.optimizer.state_dict()
        save_checkpoint(path, state)
        after_epoch(state.epoch)
    return state


@dataclass(frozen=True)
class Run:
    """What one training run works with; `state` is the checkpoint to be."""

    settings: NetworkRecipe
    learner: Learner
    optimizer: torch.optim.Optimizer
    state: Checkpoint
    device: torch.device
    progress: Progress
    steps: int  # an epoch


def take_training_images(training: LabelledImages, recipe: Recipe, settings: NetworkRecipe) -> LabelledImages:
    wanted = len(training) if recipe.training_images is None else recipe.training_images
    if len(training) < wanted:
        raise TrainingError(f"trainingImages: {wanted} wanted, but the data holds {len(training)}")
    if wanted < settings.batch_size:
        raise TrainingError(f"batchSize: {settings.batch_size} is more than trainingImages, {wanted}")
    return training if wanted == len(training) else training.select(range(wanted))


def begin(kind: str, recipe: Recipe, base: Recipe, training: LabelledImages, runs: Path, device: torch.device) -> Run:
    """A run from its checkpoint, or from freshly seeded weights where there is none."""
    settings = recipe.network(kind)
    torch.manual_seed(recipe.seed)
    learner = build_learner(kind, recipe, base, training, runs, device)
    optimizer = build_optimizer(learner.network, settings)
    state = load_checkpoint(checkpoint_path(runs, recipe, kind), recipe, kind)
    if state is None:
        state = new_checkpoint(fingerprint(recipe, kind), training, device)
    else:
        check_same_images(state, training, checkpoint_path(runs, recipe, kind))
        learner.network.load_state_dict(state.network)
        if state.optimizer:  # None is kept of a finished network.
            optimizer.load_state_dict(state.optimizer)
        if state.epoch < settings.epochs:
            report(f"{kind}: continuing after epoch {state.epoch} of {settings.epochs}")
    steps = len(training) // settings.batch_size
    progress = Progress(kind, settings.epochs * steps, state.epoch * steps)
    return Run(settings, learner, optimizer, state, device, progress, steps)


def build_learner(
    kind: str, recipe: Recipe, base: Recipe, training: LabelledImages, runs: Path, device: torch.device
) -> Learner:
    network = build_network(kind, recipe, training.classes).to(device, memory_format=torch.channels_last)
    if kind == "edge":
        return EdgeLearner(network, recipe.edge)
    if kind in ("tail-start", "tail"):
        edge = build_network("edge", base, training.classes)
        edge.load_state_dict(load_finished(runs, base, "edge").network)
        stem = Stem(edge, device)
        if kind == "tail-start":
            return TailStartLearner(network, stem, recipe.tail_start)
        return TailLearner(network, load_finished(runs, base, "tail-start").network, stem, recipe.tail)
    return LargeLearner(network, recipe.network(kind))


def open_batches(
    kind: str, recipe: Recipe, base: Recipe, training: LabelledImages, runs: Path, device: torch.device
) -> FreshBatches | ViewBatches:
    """Students see the cached views; what has no teacher is augmented anew in every epoch."""
    settings = recipe.network(kind)
    if kind not in STUDENTS and not settings.distillation:
        return FreshBatches(training, settings, device)
    views = Views(pad_images(training.images).to(device), recipe.views, recipe.seed)
    teacher = None
    if settings.distillation:
        untrained = build_network(base.teacher_kind, base, training.classes)
        teacher = prepare_teacher(base, untrained, views, runs, device)
    return ViewBatches(views, training.labels.to(device), teacher, settings)


def check_same_images(state: Checkpoint, training: LabelledImages, path: Path) -> None:
    if (state.mean, state.deviation) != training.channel_statistics():
        raise TrainingError(f"{path}: made with other images; remove it or name other --runs")


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


def train_epoch(run: Run, batches: Iterator[Batch], generator: torch.Generator) -> None:
    """One pass over the images."""
    settings, state, steps = run.settings, run.state, run.steps
    first_epoch, end_epoch = run.learner.begin_epoch(state.epoch)
    bfloat16 = computes_in_bfloat16(run.device)
    running = RunningAverage()
    for step, batch in enumerate(batches):
        for group in run.optimizer.param_groups:
            position = (state.epoch - first_epoch) * steps + step
            group["lr"] = learning_rate(position, (end_epoch - first_epoch) * steps, settings)
        with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=bfloat16):
            result = run.learner.step(batch, generator)
        run.optimizer.zero_grad()
        result.loss.backward()
        run.optimizer.step()
        if step % LOSS_READ_INTERVAL == 0 or step == steps - 1:
            running.add(result.loss.item(), (result.logits.argmax(1) == result.labels).float().mean().item())
            if not math.isfinite(running.loss):
                raise TrainingError(f"training diverged in epoch {state.epoch + 1}: the loss is {running.loss}")
        run.progress.step(f"epoch {state.epoch + 1} of {settings.epochs}, step {step + 1} of {steps}, {running}")
    report(f"epoch {state.epoch + 1}: {running}")


def finish(run: Run, batches: Iterator[Batch]) -> None:
    with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=computes_in_bfloat16(run.device)):
        run.learner.finish(batches)


# Reading the loss makes a GPU wait for its own queue; a step in so many is enough to show how training goes.
LOSS_READ_INTERVAL = 4


class RunningAverage:
    """Loss and accuracy over the last hundred or so training batches, for the progress line only."""

    def __init__(self) -> None:
        self.loss = math.nan
        self.accuracy = 0.0

    def add(self, loss: float, share_right: float) -> None:
        keep, before = (0.0, 0.0) if math.isnan(self.loss) else (0.92, self.loss)
        self.loss = keep * before + (1 - keep) * loss
        self.accuracy = keep * self.accuracy + (1 - keep) * share_right

    def __str__(self) -> str:
        return f"training loss {self.loss:.3f}, last exit right {self.accuracy:.1%}"

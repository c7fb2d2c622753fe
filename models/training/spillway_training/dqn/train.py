"""Training of one Q-network, as EMSOFT'22 did it: 4,000 iterations of 128 batches of 128 samples, by Adam.

An iteration draws sequences, computes all their targets from the network as it stands (so the target network is the
network at the start of the iteration) and then takes its samples in random order, each once. The network after the
last iteration is the result: the reward that is printed on the way chooses nothing.

Open in the paper, chosen here: Adam's other values are its defaults; the learning rate falls once, at a share of the
iterations that the recipe gives; an iteration's samples are the frames of 16 sequences of equal length, so that one in
eleven has a history that is partly before the start, as a served bucket's first images have.

Measured on one thread of an Intel Xeon with AMX, beside another training, best of 5 iterations: 0.80 ms a batch for
m = 40 and 1.32 ms for m = 200 with 96 inputs, all included, so 7 and 11 minutes for the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import torch

from ..errors import TrainingError
from ..machine import describe_hardware
from ..progress import Progress, report
from .cell import Cell
from .checkpoint import DqnCheckpoint, dqn_checkpoint_path, dqn_fingerprint, load_dqn_checkpoint, save_dqn_checkpoint
from .inputs import InputScaling, fit_scaling
from .network import QNetwork
from .recipe import DqnRecipe
from .samples import Samples
from .targets import available_pairs, bellman_targets, best_values
from .traffic import TRAINING, VALIDATION, Traffic, draw_traffic, random_of
from .validate import mean_reward


@dataclass(frozen=True)
class DqnTraining:
    """What one training works with; `state` is the checkpoint to be."""

    cell: Cell
    samples: Samples
    recipe: DqnRecipe
    seed: int
    scaling: InputScaling
    network: QNetwork
    optimizer: torch.optim.Optimizer
    state: DqnCheckpoint


def train_dqn(
    cell: Cell,
    samples: Samples,
    recipe: DqnRecipe,
    seed: int,
    runs: Path,
    device: torch.device,
    after_iteration: Callable[[int], None] = lambda iteration: None,
) -> DqnTraining:
    """Trains to the last iteration, continuing from the checkpoint if there is one; the last state is on disk."""
    path = dqn_checkpoint_path(runs, cell, seed)
    training = begin(cell, samples, recipe, seed, path, device)
    state = training.state
    progress = Progress(cell.name, recipe.iterations, state.iteration)
    held = draw_traffic(
        samples, cell, random_of(seed, VALIDATION, 0), recipe.validation_sequences, recipe.validation_frames
    )
    while state.iteration < recipe.iterations:
        started = time.monotonic()
        loss = train_iteration(training)
        state.iteration += 1
        state.seconds += time.monotonic() - started
        last = state.iteration == recipe.iterations
        if last or state.iteration % recipe.checkpoint_interval == 0:
            state.parameters, state.optimizer = training.network.parameters.data, training.optimizer.state_dict()
            save_dqn_checkpoint(path, state)
        if last or state.iteration % recipe.validation_interval == 0:
            reward = mean_reward(training.network, training.scaling, cell.grid, held)
            report(f"{cell.name}: iteration {state.iteration}: mean reward {reward:.5f} a frame, loss {loss:.5f}")
        progress.step(f"iteration {state.iteration} of {recipe.iterations}, loss {loss:.5f}")
        after_iteration(state.iteration)
    return training


def begin(cell: Cell, samples: Samples, recipe: DqnRecipe, seed: int, path: Path, device: torch.device) -> DqnTraining:
    """A training from its checkpoint, or from freshly seeded weights where there is none."""
    arrivals = cell.arrivals
    use_intervals = arrivals.deviation > 0 if recipe.use_intervals is None else recipe.use_intervals
    scaling = fit_scaling(samples, arrivals, recipe.history, use_intervals)
    sizes = [scaling.width, *[recipe.hidden_width] * recipe.hidden_layers, (cell.grid.m + 1) * 2]
    network = QNetwork(sizes, recipe.leak, seed, device)
    optimizer = torch.optim.Adam([network.parameters], lr=recipe.first_learning_rate, fused=True)
    fingerprint = dqn_fingerprint(cell, samples, recipe, seed)
    state = load_dqn_checkpoint(path, fingerprint)
    if state is None:
        # Without its last part, which names the number format of the other networks' training.
        hardware = describe_hardware(device).rpartition(", ")[0]
        state = DqnCheckpoint(fingerprint, 0, 0.0, hardware, network.parameters.data, {})
    else:
        network.parameters.data.copy_(state.parameters)
        optimizer.load_state_dict(state.optimizer)
        report(f"{cell.name}: continuing after iteration {state.iteration} of {recipe.iterations}")
    return DqnTraining(cell, samples, recipe, seed, scaling, network, optimizer, state)


@torch.no_grad()
def train_iteration(training: DqnTraining) -> float:
    """One iteration; returns the loss of its last batch after the last step."""
    recipe, network, optimizer = training.recipe, training.network, training.optimizer
    iteration = training.state.iteration
    random = random_of(training.seed, TRAINING, iteration)
    # One frame more than there are samples, for the last one's next input.
    traffic = draw_traffic(training.samples, training.cell, random, recipe.sequences, recipe.frames + 1)
    inputs, targets = make_samples(training, traffic)
    order = torch.from_numpy(random.permutation(len(targets))).to(inputs.device)
    inputs, targets = inputs[order], targets[order]
    available = available_pairs(training.cell.grid).to(inputs.device)
    pair_weights = available / (recipe.batch_size * available.sum())
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate(iteration)
    for batch_inputs, batch_targets in zip(
        inputs.split(recipe.batch_size), targets.split(recipe.batch_size), strict=True
    ):
        network.set_gradient(batch_inputs, batch_targets, pair_weights)
        optimizer.step()
    errors = network.outputs(batch_inputs) - batch_targets
    loss = float((errors.square() * pair_weights).sum())
    if not isfinite(loss):
        raise TrainingError(f"training diverged in iteration {iteration + 1}: the loss is {loss}")
    return loss


def make_samples(training: DqnTraining, traffic: Traffic) -> tuple[torch.Tensor, torch.Tensor]:
    """The inputs [samples, width] and targets [samples, (m + 1) * 2] of all frames but each sequence's last."""
    grid, device = training.cell.grid, training.network.parameters.device
    inputs = training.scaling.inputs(traffic.metrics, traffic.intervals).to(device)
    rewards = torch.from_numpy(traffic.rewards[:, :-1]).float().flatten().to(device)
    intervals = torch.from_numpy(traffic.intervals[:, :-1]).flatten().to(device)
    values = best_values(training.network.outputs(inputs[:, 1:].flatten(0, 1)), grid)
    targets = bellman_targets(values, rewards, intervals, grid, training.recipe.discount)
    return inputs[:, :-1].flatten(0, 1), targets

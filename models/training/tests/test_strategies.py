"""The phases of each strategy, and that what is frozen stands still."""

from dataclasses import replace

import pytest
import torch
from spillway_training.batches import Batch
from spillway_training.build import build_network
from spillway_training.learners import EdgeLearner
from spillway_training.strategies import STRATEGIES, plan_phases
from spillway_training.train import train_network

CPU = torch.device("cpu")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("epochs", [3, 4, 7, 30])
def test_phases_follow_one_another_and_fill_the_epochs(strategy, epochs):
    phases = plan_phases(strategy, epochs, (0.2, 0.2, 0.6))
    assert [phase.first_epoch for phase in phases] == [0, *(phase.end_epoch for phase in phases[:-1])]
    assert phases[-1].end_epoch == epochs
    assert all(phase.first_epoch < phase.end_epoch for phase in phases)


def test_phase_without_an_epoch_and_unknown_strategy_are_refused():
    with pytest.raises(ValueError, match="2 epochs are too few for 3 phases"):
        plan_phases("shallowest-first", 2, (0.2, 0.2, 0.6))
    with pytest.raises(ValueError, match="expected one of joint"):
        plan_phases("sideways", 9, (0.2, 0.2, 0.6))


def after_one_step(recipe, strategy, epoch):
    """The names of the weights and statistics of the edge network that one step of this epoch moves."""
    torch.manual_seed(1)
    settings = replace(recipe.edge, strategy=strategy, epochs=6, distillation=())
    network = build_network("edge", recipe, 10)
    learner = EdgeLearner(network, settings)
    learner.begin_epoch(epoch)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    generator = torch.Generator().manual_seed(2)
    batch = Batch(torch.randn(8, 3, 16, 16, generator=generator), torch.arange(8), None)
    learner.step(batch, generator).loss.backward()
    optimizer.step()
    return {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def test_joint_training_moves_everything(recipe):
    moved = after_one_step(recipe, "joint", 0)
    names = set(build_network("edge", recipe, 10).state_dict())
    # The basis is set once, at the end.
    assert names - moved == {"stages.0.body.4.weight"}


def test_deepest_first_moves_the_trunk_then_only_the_branches(recipe):
    trunk = after_one_step(recipe, "deepest-first", 0)
    assert not any(name.startswith(("stages.0.exit", "stages.1.exit")) for name in trunk)
    assert any(name.startswith("stages.2.exit") for name in trunk)
    assert any(name.startswith("stages.0.body") for name in trunk)
    branches = after_one_step(recipe, "deepest-first", 5)
    assert {name[: len("stages.0.exit")] for name in branches} == {"stages.0.exit", "stages.1.exit"}


@pytest.mark.parametrize(("epoch", "moving"), [(0, 0), (2, 1), (4, 2)])
def test_shallowest_first_moves_one_stage_at_a_time(recipe, epoch, moving):
    moved = after_one_step(recipe, "shallowest-first", epoch)
    prefixes = {".".join(name.split(".")[:2]) for name in moved if name.startswith("stages")}
    assert prefixes == {f"stages.{moving}"}
    assert any("running_mean" in name for name in moved)


@pytest.mark.parametrize("strategy", ["deepest-first", "shallowest-first"])
def test_strategies_train_to_the_end(strategy, recipe, training_images, tmp_path):
    edge = replace(recipe.edge, strategy=strategy, epochs=3, distillation=())
    state = train_network("edge", replace(recipe, edge=edge), training_images, tmp_path, CPU)
    assert state.epoch == 3

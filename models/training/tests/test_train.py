from dataclasses import replace

import pytest
import torch
from spillway_training.augmentation import normalise
from spillway_training.checkpoint import checkpoint_path, load_finished
from spillway_training.errors import TrainingError
from spillway_training.train import build_network, joint_loss, learning_rate, train_network

CPU = torch.device("cpu")


class KilledError(Exception):
    pass


def loss_of(network, recipe, kind, images, state):
    network.eval()
    with torch.no_grad():
        all_logits = network(normalise(images.images, state.mean, state.deviation))
    return joint_loss(all_logits, images.labels, recipe.network(kind)).item()


@pytest.mark.parametrize("kind", ["edge", "large"])
def test_training_lowers_the_loss(kind, recipe, training_images, tmp_path):
    state = train_network(kind, recipe, training_images, tmp_path, CPU)
    trained = build_network(kind, recipe.network(kind))
    trained.load_state_dict(state.network)
    untrained = build_network(kind, recipe.network(kind))
    before = loss_of(untrained, recipe, kind, training_images, state)
    assert loss_of(trained, recipe, kind, training_images, state) < 0.95 * before
    assert load_finished(tmp_path, recipe, kind).epoch == recipe.network(kind).epochs


def test_killed_run_continues_to_the_same_weights(recipe, training_images, tmp_path):
    def kill(epoch):
        if epoch == 2:
            raise KilledError

    whole = train_network("edge", recipe, training_images, tmp_path / "whole", CPU)
    with pytest.raises(KilledError):
        train_network("edge", recipe, training_images, tmp_path / "cut", CPU, kill)
    with pytest.raises(TrainingError, match="has 2 of 4 epochs"):
        load_finished(tmp_path / "cut", recipe, "edge")
    torch.manual_seed(99)  # Nothing may depend on where the global generator stands.
    resumed_epochs = []
    resumed = train_network("edge", recipe, training_images, tmp_path / "cut", CPU, resumed_epochs.append)

    assert resumed_epochs == [3, 4]
    assert resumed.seconds > 0
    for name, value in whole.network.items():
        torch.testing.assert_close(resumed.network[name], value, atol=1e-4, rtol=1e-4)


def test_finished_run_is_not_trained_again(recipe, training_images, tmp_path):
    train_network("edge", recipe, training_images, tmp_path, CPU)
    epochs = []
    train_network("edge", recipe, training_images, tmp_path, CPU, epochs.append)
    assert epochs == []


def test_checkpoint_of_other_settings_is_refused(recipe, training_images, tmp_path):
    short = replace(recipe, edge=replace(recipe.edge, epochs=1))
    train_network("edge", short, training_images, tmp_path, CPU)
    with pytest.raises(TrainingError, match="not made with these settings"):
        train_network("edge", recipe, training_images, tmp_path, CPU)


def test_damaged_checkpoint_is_refused(recipe, tmp_path):
    path = checkpoint_path(tmp_path, recipe, "edge")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(TrainingError, match="damaged checkpoint"):
        load_finished(tmp_path, recipe, "edge")


def test_recipe_that_wants_more_images_than_there_are_is_refused(recipe, training_images, tmp_path):
    with pytest.raises(TrainingError, match="501 wanted, but the data holds 500"):
        train_network("edge", replace(recipe, training_images=501), training_images, tmp_path, CPU)
    with pytest.raises(TrainingError, match="batchSize: 50 is more than trainingImages, 49"):
        train_network("edge", replace(recipe, training_images=49), training_images, tmp_path, CPU)


def test_learning_rate_rises_to_its_peak_and_falls_to_zero(recipe):
    rates = [learning_rate(step, 1000, recipe.edge) for step in range(1000)]
    peak = rates.index(max(rates))
    assert peak == pytest.approx(200, abs=1)
    assert max(rates) == pytest.approx(recipe.edge.peak_learning_rate, rel=0.01)
    assert rates[:peak] == sorted(rates[:peak]) and rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < rates[0] < 0.001 and 0 < rates[-1] < 0.001

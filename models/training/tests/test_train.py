from dataclasses import replace

import pytest
import torch
from conftest import tiny_recipe_value
from spillway_training.augmentation import normalise
from spillway_training.checkpoint import checkpoint_path, keep_weights, load_finished, save_checkpoint
from spillway_training.errors import TrainingError
from spillway_training.build import build_network
from spillway_training.read_recipe import parse_recipe
from spillway_training.schedule import learning_rate
from spillway_training.train import train_network
from torch.nn import functional

CPU = torch.device("cpu")


class KilledError(Exception):
    pass


@pytest.fixture
def recipe(recipe):
    """One whose edge network needs no teacher."""
    return replace(recipe, edge=replace(recipe.edge, distillation=()))


def loss_of(network, images, state):
    network.eval()
    with torch.no_grad():
        all_logits = network(normalise(images.images, state.mean, state.deviation))
    return functional.cross_entropy(all_logits[-1], images.labels).item()


@pytest.mark.parametrize("kind", ["edge", "large"])
def test_training_lowers_the_loss(kind, recipe, training_images, tmp_path):
    state = train_network(kind, recipe, training_images, tmp_path, CPU)
    trained = build_network(kind, recipe, 100)
    trained.load_state_dict(state.network)
    untrained = build_network(kind, recipe, 100)
    before = loss_of(untrained, training_images, state)
    assert loss_of(trained, training_images, state) < 0.95 * before
    assert load_finished(tmp_path, recipe, kind).epoch == recipe.network(kind).epochs


def kill_after_two(epoch):
    if epoch == 2:
        raise KilledError


def test_killed_run_continues_to_the_same_weights(recipe, training_images, tmp_path):
    whole = train_network("edge", recipe, training_images, tmp_path / "whole", CPU)
    with pytest.raises(KilledError):
        train_network("edge", recipe, training_images, tmp_path / "cut", CPU, kill_after_two)
    with pytest.raises(TrainingError, match="has 2 of 4 epochs"):
        load_finished(tmp_path / "cut", recipe, "edge")
    torch.manual_seed(99)  # Nothing may depend on where the global generator stands.
    resumed_epochs = []
    resumed = train_network("edge", recipe, training_images, tmp_path / "cut", CPU, resumed_epochs.append)

    assert resumed_epochs == [3, 4]
    assert resumed.seconds > 0
    for name, value in whole.network.items():
        torch.testing.assert_close(resumed.network[name], value, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def taught(tmp_path_factory, training_images):
    """Runs in which the teacher is trained, and an edge network for the tail to stand on."""
    runs = tmp_path_factory.mktemp("taught")
    for kind in ("large", "edge", "tail-start"):
        train_network(kind, parse_recipe(tiny_recipe_value()), training_images, runs, CPU)
    return runs


@pytest.mark.parametrize("kind", ["edge", "tail-start", "tail"])
def test_killed_student_continues_to_the_same_weights(kind, training_images, taught):
    recipe = parse_recipe(tiny_recipe_value())
    whole, cut = replace(recipe, name="whole"), replace(recipe, name="cut")
    first = train_network(kind, whole, training_images, taught, CPU, base=recipe)
    with pytest.raises(KilledError):
        train_network(kind, cut, training_images, taught, CPU, kill_after_two, base=recipe)
    resumed = train_network(kind, cut, training_images, taught, CPU, base=recipe)
    for name, value in first.network.items():
        torch.testing.assert_close(resumed.network[name], value, atol=1e-4, rtol=1e-4)


def test_larger_teacher_teaches_the_large_network_too(training_images, tmp_path):
    value = tiny_recipe_value()
    value["teacher"] = {**value["large"], "width": 12, "epochs": 1}
    value["large"] = {**value["large"], "epochs": 1, "distillation": value["tail"]["distillation"]}
    recipe = parse_recipe(value)
    with pytest.raises(TrainingError, match="teacher is not trained"):
        train_network("large", recipe, training_images, tmp_path, CPU)
    train_network("teacher", recipe, training_images, tmp_path, CPU)
    assert train_network("large", recipe, training_images, tmp_path, CPU).epoch == 1


def test_checkpoint_of_other_images_is_refused(recipe, training_images, tmp_path):
    train_network("edge", recipe, training_images, tmp_path, CPU)
    darker = replace(training_images, images=training_images.images // 2)
    with pytest.raises(TrainingError, match="made with other images"):
        train_network("edge", recipe, darker, tmp_path, CPU)


def test_full_disk_leaves_the_old_checkpoint_and_names_the_file(recipe, training_images, tmp_path):
    """/dev/full refuses every byte, as a full disk does."""
    path = checkpoint_path(tmp_path, recipe, "edge")
    state = train_network(
        "edge", replace(recipe, edge=replace(recipe.edge, epochs=1)), training_images, tmp_path, CPU
    )
    before = path.read_bytes()
    path.with_suffix(".partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as caught:
        save_checkpoint(path, state)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before


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


def test_kept_weights_stand_in_for_a_lost_run(recipe, training_images, tmp_path, monkeypatch):
    monkeypatch.setattr("spillway_training.checkpoint.kept_path", lambda path, _=None: tmp_path / "kept" / path.name)
    trained = train_network("large", recipe, training_images, tmp_path / "runs", CPU)
    keep_weights(tmp_path / "runs", recipe, "large")
    found = load_finished(tmp_path / "lost", recipe, "large")
    for name, value in trained.network.items():
        torch.testing.assert_close(found.network[name], value, rtol=1e-3, atol=1e-3)
        assert found.network[name].dtype == value.dtype
    again = train_network("large", recipe, training_images, tmp_path / "lost", CPU)
    assert again.epoch == trained.epoch


def test_an_unfinished_network_is_not_kept(recipe, training_images, tmp_path):
    with pytest.raises(KilledError):
        train_network("large", recipe, training_images, tmp_path, CPU, kill_after_two)
    with pytest.raises(TrainingError, match="not fully trained"):
        keep_weights(tmp_path, recipe, "large")

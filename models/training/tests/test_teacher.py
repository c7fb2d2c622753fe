"""The views, and what the teacher thinks of them."""

import pytest
import torch
from conftest import tiny_recipe_value
from spillway_training.augmentation import normalise, pad_images
from spillway_training.build import build_network
from spillway_training.checkpoint import load_finished
from spillway_training.errors import TrainingError
from spillway_training.read_recipe import parse_recipe
from spillway_training.teacher import prepare_teacher, state_digest
from spillway_training.train import train_network
from spillway_training.views import Views

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def runs(tmp_path_factory, training_images):
    folder = tmp_path_factory.mktemp("teacher-runs")
    train_network("large", parse_recipe(tiny_recipe_value()), training_images, folder, CPU)
    return folder


@pytest.fixture
def views(training_images):
    return Views(pad_images(training_images.images), count=2, seed=0)


def prepare(recipe, views, runs):
    return prepare_teacher(recipe, build_network("large", recipe, 100), views, runs, CPU)


def view_files(runs):
    return sorted((runs / "tiny-seed-0" / "teacher").glob("*.pt"))


def test_view_is_the_same_each_time_and_unlike_the_next(views, training_images):
    chosen = torch.tensor([3, 400, 7])
    first, second = views.images(0, chosen), views.images(1, chosen)
    again = Views(pad_images(training_images.images), count=2, seed=0)
    assert torch.equal(again.images(0, chosen), first) and not torch.equal(first, second)
    # Which other images are asked for changes nothing.
    assert torch.equal(views.images(0, torch.tensor([7]))[0], first[2])
    assert not torch.equal(Views(views.padded, 2, seed=1).images(0, chosen), first)


def test_logits_are_those_of_the_trained_teacher_in_evaluation_mode(recipe, views, runs):
    teacher = prepare(recipe, views, runs)
    state = load_finished(runs, recipe, "large")
    network = build_network("large", recipe, 100)
    network.load_state_dict(state.network)
    network.eval()
    chosen = torch.tensor([5, 60, 499])
    with torch.no_grad():
        (expected,) = network(normalise(views.images(1, chosen), state.mean, state.deviation))
    # Kept in 16 bits, and computed in bfloat16 where the machine has it.
    torch.testing.assert_close(teacher.judge(1, chosen), expected, atol=0.05, rtol=0.02)


def test_teacher_is_left_as_it_was(recipe, views, runs, training_images):
    before = state_digest(load_finished(runs, recipe, "large").network)
    train_network("edge", recipe, training_images, runs, CPU)
    assert state_digest(load_finished(runs, recipe, "large").network) == before


def test_kept_views_are_read_again_and_damaged_or_foreign_ones_are_not(recipe, views, runs):
    first = prepare(recipe, views, runs)
    files = view_files(runs)
    stamps = [file.stat().st_mtime_ns for file in files]
    assert len(files) == 2
    assert torch.equal(prepare(recipe, views, runs).logits[0], first.logits[0])
    assert [file.stat().st_mtime_ns for file in files] == stamps

    files[0].write_bytes(b"cut short")
    assert torch.equal(prepare(recipe, views, runs).logits[0], first.logits[0])
    assert files[1].stat().st_mtime_ns == stamps[1]
    other = Views(views.padded, count=2, seed=5)
    assert not torch.equal(prepare(recipe, other, runs).logits[0], first.logits[0])


def test_teacher_has_to_be_trained(recipe, views, tmp_path):
    with pytest.raises(TrainingError, match="large is not trained"):
        prepare(recipe, views, tmp_path)

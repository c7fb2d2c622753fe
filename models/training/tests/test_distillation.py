"""The loss of an exit: the distances against their definitions, and their gradients."""

import math

import pytest
import torch
from scipy.stats import entropy, wasserstein_distance
from spillway_training.distillation import DISTANCES, exit_loss
from spillway_training.recipe import Distillation
from torch.nn import functional


def random_logits(seed, rows=6, classes=10):
    return 3 * torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed))


LABELS = torch.tensor([0, 1, 2, 3, 4, 5])


def test_kl_and_js_agree_with_scipy():
    target, student = random_logits(1).log_softmax(1), random_logits(2).log_softmax(1)
    p, q = target.exp().double().numpy(), student.exp().double().numpy()
    assert DISTANCES["kl"](target, student).item() == pytest.approx(entropy(p, q, axis=1).mean(), rel=1e-4)
    middle = (p + q) / 2
    expected = (entropy(p, middle, axis=1) + entropy(q, middle, axis=1)).mean() / 2
    assert DISTANCES["js"](target, student).item() == pytest.approx(expected, rel=1e-4)


def test_wasserstein_agrees_with_scipy_on_the_line_from_0_to_1():
    target, student = random_logits(1).log_softmax(1), random_logits(2).log_softmax(1)
    places = [index / 9 for index in range(10)]
    rows = zip(target.exp().double().numpy(), student.exp().double().numpy(), strict=True)
    expected = sum(wasserstein_distance(places, places, p, q) for p, q in rows) / 6
    assert DISTANCES["wasserstein"](target, student).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", DISTANCES)
def test_distance_is_zero_for_equals_positive_otherwise_and_finite_at_the_extremes(name):
    target, student = random_logits(1).log_softmax(1), random_logits(2).log_softmax(1)
    assert DISTANCES[name](target, target).item() == pytest.approx(0, abs=1e-6)
    assert DISTANCES[name](target, student).item() > 0
    sure = (1000 * functional.one_hot(LABELS, 10).float()).log_softmax(1)
    other = (1000 * functional.one_hot(LABELS + 1, 10).float()).log_softmax(1)
    assert math.isfinite(DISTANCES[name](sure, other).item())


@pytest.mark.parametrize("name", DISTANCES)
def test_distillation_changes_the_gradient_of_the_student_and_leaves_the_teacher_none(name):
    def gradient(distillation):
        logits = random_logits(1).requires_grad_()
        teacher = random_logits(2).requires_grad_()
        exit_loss(logits, LABELS, 0, distillation, teacher).backward()
        return logits.grad, teacher.grad

    plain, _ = gradient(None)
    # A weight of all but nothing, so that the cross-entropy is as it is without.
    distilled, _ = gradient(Distillation(name, 4, 0.5))
    only_labels = 0.5 * plain
    assert (distilled - only_labels).abs().max() > 1e-3


@pytest.mark.parametrize("name", DISTANCES)
def test_following_the_gradient_brings_the_student_to_its_teacher(name):
    logits, teacher = random_logits(1).requires_grad_(), random_logits(2)
    own = Distillation(name, 2, 1)
    optimizer = torch.optim.Adam([logits], lr=0.05)
    before = exit_loss(logits, LABELS, 0, own, teacher).item()
    for _ in range(300):
        optimizer.zero_grad()
        exit_loss(logits, LABELS, 0, own, teacher).backward()
        optimizer.step()
    assert exit_loss(logits, LABELS, 0, own, teacher).item() < 0.1 * before


def test_loss_is_the_weighted_sum_that_it_says():
    logits, teacher = random_logits(1), random_logits(2)
    distance = functional.kl_div((logits / 3).log_softmax(1), (teacher / 3).softmax(1), reduction="batchmean")
    expected = 0.75 * functional.cross_entropy(logits, LABELS) + 0.25 * 9 * distance
    torch.testing.assert_close(exit_loss(logits, LABELS, 0, Distillation("kl", 3, 0.25), teacher), expected)


def test_without_weight_it_is_the_cross_entropy_and_needs_no_teacher():
    logits = random_logits(1)
    expected = functional.cross_entropy(logits, LABELS, label_smoothing=0.1)
    torch.testing.assert_close(exit_loss(logits, LABELS, 0.1, None, None), expected)
    torch.testing.assert_close(exit_loss(logits, LABELS, 0.1, Distillation("kl", 4, 0), None), expected)
    with pytest.raises(ValueError, match="needs the teacher's logits"):
        exit_loss(logits, LABELS, 0, Distillation("kl", 4, 0.1), None)

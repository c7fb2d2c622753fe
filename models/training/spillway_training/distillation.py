"""The loss of one exit: cross-entropy against the labels, and a distance to the teacher's softened softmax.

For student logits s, teacher logits t, temperature T, p = softmax(t / T) and q = softmax(s / T), an exit's loss is
(1 - weight) CE(s, labels) + weight T^2 D(p, q), as in EdgeKE; the factor T^2 keeps the term's gradient of one size
while T changes (Hinton et al. 2015). Everything is written in torch, so that gradients reach the student.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from .recipe import Distillation


def exit_loss(
    logits: Tensor, labels: Tensor, label_smoothing: float, distillation: Distillation | None, teacher: Tensor | None
) -> Tensor:
    """The mean loss over the batch, in nats. logits [N,classes], labels int64 [N], teacher logits [N,classes].

    Without a distillation, or with a weight of 0, it is the cross-entropy. Raises ValueError if a distillation has
    no teacher.
    """
    logits = logits.float()
    cross_entropy = functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    if distillation is None or distillation.weight == 0:
        return cross_entropy
    if teacher is None:
        raise ValueError("a distillation needs the teacher's logits")
    temperature = distillation.temperature
    soft = (1 / temperature * logits).log_softmax(1)
    target = (1 / temperature * teacher.float()).log_softmax(1)
    distance = DISTANCES[distillation.distance](target, soft)
    return (1 - distillation.weight) * cross_entropy + distillation.weight * temperature**2 * distance


def kl_divergence(target: Tensor, student: Tensor) -> Tensor:
    """KL(p || q) = sum p (log p - log q), mean over the batch; both [N,classes] are log-probabilities."""
    return functional.kl_div(student, target, reduction="batchmean", log_target=True)


def js_divergence(target: Tensor, student: Tensor) -> Tensor:
    """Jensen-Shannon: (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2; symmetric, at most log 2."""
    # log m by log-sum-exp, so that a probability near zero gives no NaN.
    middle = torch.logaddexp(target, student) - math.log(2)
    return (kl_divergence(target, middle) + kl_divergence(student, middle)) / 2


def wasserstein_distance(target: Tensor, student: Tensor) -> Tensor:
    """Wasserstein-1 between p and q on the line, class k at k / (classes - 1): at most 1.

    On a line it is the area between the two distribution functions. Classes have no natural order, so what it says
    depends on how they are numbered; it is here because EdgeKE compares it.
    """
    between = (target.exp().cumsum(1) - student.exp().cumsum(1)).abs()
    return between[:, :-1].mean(1).mean()


DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "kl": kl_divergence,
    "js": js_divergence,
    "wasserstein": wasserstein_distance,
}

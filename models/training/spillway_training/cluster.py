"""Which settings of the tail want the same of its weights: cosine similarity of gradients, then DBSCAN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy
import torch
from sklearn.cluster import DBSCAN

if TYPE_CHECKING:
    from .batches import Batch
    from .tail_learner import TailLearner

EXTREME = -1


def gradient_similarity(learner: TailLearner, batch: Batch) -> numpy.ndarray:
    """float64 [S,S]: the cosine between settings of the gradient of one layer, for the same batch of features.

    The layer is the second convolution of the middle block: behind the layers that meet the compression itself, and
    before the last. The running statistics are left as they were.
    """
    network = learner.network
    weight = network.blocks[1].second.convolution.weight
    before = {name: value.clone() for name, value in network.state_dict().items()}
    gradients = []
    for setting in range(len(network.settings)):
        (gradient,) = torch.autograd.grad(learner.train_setting(batch, setting).loss, [weight])
        gradients.append(torch.nn.functional.normalize(gradient.double().flatten(), dim=0))
    network.load_state_dict(before)
    stacked = torch.stack(gradients)
    return (stacked @ stacked.T).cpu().numpy()


def cluster_settings(similarity: numpy.ndarray, wanted: int) -> list[int]:
    """The cluster of each setting between the two extremes, from 0; the extremes, always trained, have EXTREME.

    DBSCAN over the distances 1 - cosine, at the smallest radius that leaves at most `wanted` clusters; a setting
    alone is a cluster of its own. Clusters are numbered by their first setting.
    """
    distances = (1 - similarity[1:-1, 1:-1]).clip(min=0)
    numpy.fill_diagonal(distances, 0)
    labels = numpy.zeros(len(distances), dtype=int)
    for radius in numpy.unique(distances[distances > 0]):
        labels = DBSCAN(eps=radius, min_samples=1, metric="precomputed").fit_predict(distances)
        if labels.max() < wanted:
            break
    return [EXTREME, *renumber(labels.tolist()), EXTREME]


def renumber(labels: list[int]) -> list[int]:
    order = list(dict.fromkeys(labels))
    return [order.index(label) for label in labels]

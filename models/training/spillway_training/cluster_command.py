"""The `cluster` command: which settings of a trained tail pull its weights the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from .batches import draw_batches
from .checkpoint import load_finished
from .cluster import EXTREME, cluster_settings, gradient_similarity
from .data import LabelledImages
from .errors import TrainingError
from .recipe import Recipe
from .tail_learner import TailLearner
from .train import build_learner, open_batches, take_training_images


def cluster_tail(recipe: Recipe, training: LabelledImages, runs: Path, device: torch.device) -> dict[str, Any]:
    """The cosine similarity of the settings' gradients on one batch, and the clusters of the settings between the
    two extremes."""
    if recipe.tail.cluster_count == 0:
        raise TrainingError("cluster: the recipe's tail.clusterCount is 0")
    checkpoint = load_finished(runs, recipe, "tail")
    training = take_training_images(training, recipe, recipe.tail)
    learner = build_learner("tail", recipe, recipe, training, runs, device)
    assert isinstance(learner, TailLearner)
    learner.network.load_state_dict(checkpoint.network)
    learner.network.train()
    source = open_batches("tail", recipe, recipe, training, runs, device)
    generator = torch.Generator().manual_seed(recipe.seed)
    batch = next(draw_batches(source, 0, generator, checkpoint.mean, checkpoint.deviation))
    similarity = gradient_similarity(learner, learner.stem.read_features(batch))
    clusters = cluster_settings(similarity, recipe.tail.cluster_count)
    return {
        "settings": [{"channels": each.channels, "bits": each.bits} for each in learner.network.settings],
        "clusters": [None if label == EXTREME else label for label in clusters],
        "trainedWith": [None if label == EXTREME else label for label in checkpoint.network["clusters"].tolist()],
        "similarity": [[round(value, 3) for value in row] for row in similarity.tolist()],
    }

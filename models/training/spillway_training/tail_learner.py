"""How the tail learns: first on features that are not compressed, then on all settings at once.

While it switches, each step divides its batch among the leanest setting, the fullest, and one drawn from each cluster
of settings whose gradients point alike (RTCoInfer); each part has its own normalisation statistics. The fullest setting
gets half: with an even share it forgot 1.4 points of what it had learnt before it had to switch. The stem stands still
and is read in evaluation mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from .batches import Batch
from .cluster import EXTREME, cluster_settings, gradient_similarity
from .learners import StepResult, exit_terms, joint_loss
from .networks import EdgeNetwork
from .quantise import channel_ranges, dequantise, quantise
from .recipe import NetworkRecipe, TailRecipe
from .tail_network import TailNetwork

# How many settings are drawn beside the two extremes where clusters are not asked for.
DRAWN_WITHOUT_CLUSTERS = 3
SETTLING_BATCHES = 12


class Stem:
    """Stage 1 of a trained edge network."""

    def __init__(self, edge: EdgeNetwork, device: torch.device) -> None:
        self.body = edge.stages[0].body.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)

    def read_features(self, batch: Batch) -> Batch:
        """The batch with stage 1's features, float32, in the place of its images."""
        with torch.no_grad():
            features = self.body(batch.images).float()
        return Batch(features, batch.labels, batch.teacher)


class TailStartLearner:
    """The tail on features as they are, at the fullest setting's statistics."""

    def __init__(self, network: TailNetwork, stem: Stem, settings: NetworkRecipe) -> None:
        self.network, self.stem, self.settings = network, stem, settings

    def begin_epoch(self, epoch: int) -> tuple[int, int]:
        self.network.train()
        return 0, self.settings.epochs

    def step(self, batch: Batch, generator: torch.Generator) -> StepResult:
        batch = self.stem.read_features(batch)
        logits = self.network(batch.images, len(self.network.settings) - 1)
        loss = joint_loss([logits], batch, self.settings, exit_terms(self.settings))
        return StepResult(loss, logits, batch.labels)

    def finish(self, batches: Iterator[Batch]) -> None:
        pass


class TailLearner:
    """The tail on compressed features, at all settings or at the recipe's only one."""

    def __init__(self, network: TailNetwork, start: dict[str, Any], stem: Stem, settings: TailRecipe) -> None:
        """`start`: the state of a trained tail-start."""
        self.network, self.stem, self.settings = network, stem, settings
        network.load_state_dict(start)
        network.share_statistics(len(network.settings) - 1)

    def begin_epoch(self, epoch: int) -> tuple[int, int]:
        self.network.train()
        return 0, self.settings.epochs

    def step(self, batch: Batch, generator: torch.Generator) -> StepResult:
        batch = self.stem.read_features(batch)
        if self.settings.only is not None:
            return self.train_setting(batch, self.settings.only)
        self.find_clusters(batch)
        drawn = self.draw_settings(generator)
        parts = divide(batch, len(drawn))
        results = [self.train_setting(part, setting) for part, setting in zip(parts, drawn, strict=True)]
        losses = [result.loss * len(part.labels) for result, part in zip(results, parts, strict=True)]
        # The progress line speaks of the fullest setting.
        return results[-1]._replace(loss=torch.stack(losses).sum() / sum(len(part.labels) for part in parts))

    def finish(self, batches: Iterator[Batch]) -> None:
        """Measures the statistics of every setting anew with the final weights, as the plain mean over a few batches:
        a setting that is seldom drawn has running ones from many steps ago (Yu and Huang 2019)."""
        for count, batch in enumerate(islice(batches, SETTLING_BATCHES), start=1):
            batch = self.stem.read_features(batch)
            for norm in self.network.norms():
                norm.momentum = 1 / count
            for setting in range(len(self.network.settings)):
                with torch.no_grad():
                    self.train_setting(batch, setting)
        for norm in self.network.norms():
            norm.momentum = norm.MOMENTUM

    def train_setting(self, batch: Batch, setting: int) -> StepResult:
        settings = torch.full((len(batch.labels),), setting, device=batch.images.device)
        logits = self.network(compress_features(self.network, batch.images, settings), setting)
        loss = joint_loss([logits], batch, self.settings, exit_terms(self.settings))
        return StepResult(loss, logits, batch.labels)

    def draw_settings(self, generator: torch.Generator) -> list[int]:
        """The leanest, the fullest, and one of each cluster of those between."""
        clusters = self.network.clusters.tolist()
        last = len(clusters) - 1
        if self.settings.cluster_count == 0:
            between = 1 + torch.randperm(last - 1, generator=generator)[:DRAWN_WITHOUT_CLUSTERS]
            return [0, *between.tolist(), last]
        groups = [[index for index in range(1, last) if clusters[index] == name] for name in range(max(clusters) + 1)]
        drawn = [group[int(torch.randint(len(group), (1,), generator=generator))] for group in groups]
        return [0, *drawn, last]

    def find_clusters(self, batch: Batch) -> None:
        """Clusters the settings once, by the gradients of the first batch that is trained at them."""
        if self.settings.cluster_count == 0 or bool((self.network.clusters != EXTREME).any()):
            return
        similarity = gradient_similarity(self, batch)
        labels = cluster_settings(similarity, self.settings.cluster_count)
        self.network.clusters.copy_(torch.tensor(labels))


def divide(batch: Batch, parts: int) -> list[Batch]:
    """Half of the batch, and what is left over, for the last part; the other half evenly among the others."""
    size = len(batch.labels) // 2 // (parts - 1)
    starts = [index * size for index in range(parts)]
    return [batch.select(slice(start, start + size)) for start in starts[:-1]] + [batch.select(slice(starts[-1], None))]


def compress_features(network: TailNetwork, features: Tensor, settings: Tensor) -> Tensor:
    """What the tail sees of features, float32 [N,C,H,W], sent at the settings int64 [N]: quantised, and with zero for
    channels that are not sent."""
    ranges, levels = channel_ranges(features), network.levels[settings]
    sent = dequantise(quantise(features, ranges, levels), ranges, levels)
    return sent * network.present[settings][:, :, None, None]

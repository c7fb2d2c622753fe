"""How the tail learns: first on the uncompressed features, then on all settings at once.

While it switches, each step divides its batch evenly among the leanest setting, the fullest, and one drawn from each
cluster of settings whose gradients point alike (RTCoInfer); each part has its own normalisation statistics. The stem
stands still and is read in evaluation mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from .batches import Batch
from .cluster import EXTREME, cluster_settings, gradient_similarity
from .learners import StepResult, exit_terms, joint_loss
from .networks import EdgeNetwork
from .quantise import channel_ranges, dequantise, quantise
from .recipe import TailRecipe
from .tail_network import TailNetwork

# How many settings are drawn beside the two extremes where clusters are not asked for.
DRAWN_WITHOUT_CLUSTERS = 3
SETTLING_BATCHES = 12


class TailLearner:
    def __init__(self, network: TailNetwork, edge: EdgeNetwork, settings: TailRecipe, device: torch.device) -> None:
        self.network, self.settings = network, settings
        self.stem = edge.stages[0].body.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
        self.switches = False

    @property
    def first_switching_epoch(self) -> int:
        return self.settings.epochs - self.settings.switching_epochs

    def begin_epoch(self, epoch: int) -> tuple[int, int]:
        self.network.train()
        self.switches = epoch >= self.first_switching_epoch
        if not self.switches:
            return 0, self.first_switching_epoch
        if epoch == self.first_switching_epoch and epoch > 0:
            self.network.share_statistics(len(self.network.settings) - 1)
        return self.first_switching_epoch, self.settings.epochs

    def step(self, batch: Batch, generator: torch.Generator) -> StepResult:
        batch = self.read_features(batch)
        fullest = len(self.network.settings) - 1
        if not self.switches:
            return self.train_setting(batch, fullest, compress=False)
        if self.settings.only is not None:
            return self.train_setting(batch, self.settings.only)
        self.find_clusters(batch)
        drawn = self.draw_settings(generator)
        size = len(batch.labels) // len(drawn)
        parts = [batch.select(slice(index * size, (index + 1) * size)) for index in range(len(drawn))]
        results = [self.train_setting(part, setting) for part, setting in zip(parts, drawn, strict=True)]
        # The progress line speaks of the fullest setting.
        return results[-1]._replace(loss=torch.stack([result.loss for result in results]).mean())

    def finish(self, batches: Iterator[Batch]) -> None:
        """Measures the statistics of every setting anew with the final weights, as the plain mean over a few batches:
        a setting that is seldom drawn has running ones from many steps ago (Yu and Huang 2019)."""
        for count, batch in enumerate(islice(batches, SETTLING_BATCHES), start=1):
            batch = self.read_features(batch)
            for norm in self.network.norms():
                norm.momentum = 1 / count
            for setting in range(len(self.network.settings)):
                with torch.no_grad():
                    self.train_setting(batch, setting)
        for norm in self.network.norms():
            norm.momentum = norm.MOMENTUM

    def read_features(self, batch: Batch) -> Batch:
        """The batch with stage 1's features, float32, in the place of its images."""
        with torch.no_grad():
            features = self.stem(batch.images).float()
        return Batch(features, batch.labels, batch.teacher)

    def train_setting(self, batch: Batch, setting: int, compress: bool = True) -> StepResult:
        features = batch.images
        if compress:
            settings = torch.full((len(batch.labels),), setting, device=features.device)
            features = compress_features(self.network, features, settings)
        logits = self.network(features, setting)
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


def compress_features(network: TailNetwork, features: Tensor, settings: Tensor) -> Tensor:
    """What the tail sees of features, float32 [N,C,H,W], sent at the settings int64 [N]: quantised, and with zero for
    channels that are not sent."""
    ranges, levels = channel_ranges(features), network.levels[settings]
    sent = dequantise(quantise(features, ranges, levels), ranges, levels)
    return sent * network.present[settings][:, :, None, None]

"""A recipe: everything that decides a training run. `read_recipe.py` reads one from a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

# They see the cached views, whether or not they learn from the teacher, so that comparisons are fair.
STUDENTS = ("edge", "tail-start", "tail")


@dataclass(frozen=True)
class Distillation:
    """How an exit learns from the teacher; see `distillation.py`."""

    distance: str
    temperature: float
    weight: float  # of the distance; the labels have the rest. 0 for no distillation


@dataclass(frozen=True)
class NetworkRecipe:
    """How one network is built and trained."""

    width: int  # channels; the networks say of which layer
    epochs: int
    batch_size: int  # images a step
    peak_learning_rate: float
    warm_up_share: float  # share of the steps during which the learning rate rises
    momentum: float
    weight_decay: float
    label_smoothing: float
    cutout: int  # side of the blanked square in pixels, 0 for none
    cutmix: float  # share of the steps whose images are mixed with one another
    small_epochs: int  # the first so many epochs see images shrunk by `small_scale`
    small_scale: float
    exit_loss_weights: tuple[float, ...]  # one for each exit, the shallowest first
    # One for each exit; none at all for a network that learns from the labels alone.
    distillation: tuple[Distillation, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class EdgeRecipe(NetworkRecipe):
    strategy: str  # see `strategies.py`


@dataclass(frozen=True)
class TailRecipe(NetworkRecipe):
    """The switchable tail, which starts from the trained `tail_start`."""

    cluster_count: int  # at most so many clusters of settings; 0 for none, drawing among all settings
    # The one setting, by its index, that a separate tail is trained for; all where it is left out.
    only: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Recipe:
    name: str
    seed: int
    split_seed: int  # of the calibration and report halves
    training_images: int | None  # the first so many of the training split; None for all
    views: int  # augmented views of the training images whose teacher's logits are computed once and kept
    edge: EdgeRecipe
    large: NetworkRecipe
    tail_start: NetworkRecipe  # the tail on features that are not compressed
    tail: TailRecipe
    # What teaches, if not the large network that ships.
    teacher: NetworkRecipe | None = field(default=None, kw_only=True)

    def network(self, kind: str) -> NetworkRecipe:
        networks = {
            "edge": self.edge,
            "large": self.large,
            "tail-start": self.tail_start,
            "tail": self.tail,
            "teacher": self.teacher,
        }
        return networks[kind]

    @property
    def teacher_kind(self) -> str:
        return "large" if self.teacher is None else "teacher"


def fingerprint(recipe: Recipe, kind: str) -> str:
    """What a checkpoint must agree on to be resumed: every setting that shapes this network's weights.

    That includes what its teacher was made of, if it has one, and for the tail what made the stem and its start.
    """
    network = recipe.network(kind)
    settings = {"kind": kind, "seed": recipe.seed, "trainingImages": recipe.training_images, **asdict(network)}
    if not network.distillation:
        del settings["distillation"]
    else:
        settings["teacher"] = fingerprint(recipe, recipe.teacher_kind)
    if kind in STUDENTS or network.distillation:
        settings["views"] = recipe.views
    if kind == "tail-start":
        settings["stem"] = fingerprint(recipe, "edge")
    if kind == "tail":
        settings["start"] = fingerprint(recipe, "tail-start")
    return json.dumps(settings, sort_keys=True)

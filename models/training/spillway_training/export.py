"""Export of trained networks into a model folder: the ONNX files, and the manifest once all of them are there."""

from __future__ import annotations

from pathlib import Path

from .build import build_network
from .checkpoint import load_finished
from .data import Dataset
from .errors import TrainingError
from .graphs import edge_graphs, large_graph, tail_graph
from .manifest import Family, build_manifest, write_manifest
from .onnx_file import write_graph
from .paths import TRAINING_FOLDER
from .progress import report
from .recipe import Recipe


def export_model(
    recipe: Recipe, recipe_path: Path, data: Dataset, runs: Path, folder: Path, with_tail: bool = True
) -> None:
    """Writes stage-1..3.onnx, large.onnx, tail.onnx and manifest.json (without accuracies) from the checkpoints."""
    family = build_family(recipe, data, runs, with_tail)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"model folder cannot be made: {folder} ({error.strerror})") from error
    for graph in family.graphs():
        path = write_graph(graph, folder)
        report(f"wrote {path} ({path.stat().st_size:,} bytes, {graph.multiply_adds:,} multiply-adds an image)")
    write_manifest(folder, build_manifest(folder, family, data, recipe, name_recipe(recipe_path)))


def build_family(recipe: Recipe, data: Dataset, runs: Path, with_tail: bool) -> Family:
    trained = ("edge", "large", "tail-start", "tail") if with_tail else ("edge", "large")
    checkpoints = {kind: load_finished(runs, recipe, kind) for kind in trained}
    networks = {}
    for kind, checkpoint in checkpoints.items():
        networks[kind] = build_network(kind, recipe, data.training.classes)
        networks[kind].load_state_dict(checkpoint.network)
    size, large = data.training.size, checkpoints["large"]
    stages = edge_graphs(networks["edge"], size)
    return Family(
        stages=stages,
        large=large_graph(networks["large"], size, large.mean, large.deviation),
        tail=tail_graph(networks["tail"], stages[0].features_shape) if with_tail else None,
        settings=networks["tail"].settings if with_tail else [],
        checkpoints=checkpoints,
    )


def name_recipe(path: Path) -> str:
    """A recipe's path within models/training, or only its file name if it lies elsewhere."""
    path = path.resolve()
    inside = path.is_relative_to(TRAINING_FOLDER)
    return path.relative_to(TRAINING_FOLDER).as_posix() if inside else path.name

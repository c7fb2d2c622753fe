"""Export of trained networks into a model folder: the ONNX files, and the manifest once all of them are there."""

from __future__ import annotations

from pathlib import Path

from .checkpoint import Checkpoint, load_finished
from .data import read_labels
from .errors import TrainingError
from .graphs import Graph, edge_graphs, large_graph, write_graph
from .manifest import build_manifest, write_manifest
from .paths import TRAINING_FOLDER
from .progress import report
from .recipe import Recipe
from .train import build_network


def export_model(recipe: Recipe, recipe_path: Path, data: Path, runs: Path, folder: Path) -> None:
    """Writes stage-1..3.onnx, large.onnx and manifest.json (without accuracies) from the finished checkpoints."""
    labels = read_labels(data)
    edge, large = load_finished(runs, recipe, "edge"), load_finished(runs, recipe, "large")
    stages, whole = edge_network_graphs(recipe, edge), large_network_graph(recipe, large)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"model folder cannot be made: {folder} ({error.strerror})") from error
    for graph in [*stages, whole]:
        path = write_graph(graph, folder)
        report(f"wrote {path} ({path.stat().st_size:,} bytes, {graph.multiply_adds:,} multiply-adds an image)")
    manifest = build_manifest(folder, labels, stages, whole, edge, large, recipe, name_recipe(recipe_path))
    write_manifest(folder, manifest)


def name_recipe(path: Path) -> str:
    """A recipe's path within models/training, or only its file name if it lies elsewhere."""
    path = path.resolve()
    inside = path.is_relative_to(TRAINING_FOLDER)
    return path.relative_to(TRAINING_FOLDER).as_posix() if inside else path.name


def edge_network_graphs(recipe: Recipe, checkpoint: Checkpoint) -> list[Graph]:
    network = build_network("edge", recipe.edge)
    network.load_state_dict(checkpoint.network)
    return edge_graphs(network)


def large_network_graph(recipe: Recipe, checkpoint: Checkpoint) -> Graph:
    network = build_network("large", recipe.large)
    network.load_state_dict(checkpoint.network)
    return large_graph(network, checkpoint.mean, checkpoint.deviation)

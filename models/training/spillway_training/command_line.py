"""The command line: `python -m spillway_training <command> [recipe]`; paths are relative to models/training.

Results go to stdout as JSON, progress to stderr. Bad input ends with one clear line and exit status 1.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from .checkpoint import keep_weights
from .cluster_command import cluster_tail
from .data import Dataset, read_dataset
from .errors import TrainingError
from .evaluate import evaluate_model
from .exit_table import measure_exits
from .export import export_model
from .json_fields import read_number
from .paths import DEFAULT_DATA, DEFAULT_MODEL, DEFAULT_RUNS, TRAINING_FOLDER
from .progress import report
from .read_recipe import RECIPE_LIMITS, read_recipe
from .recipe import Recipe
from .tables import TABLES, run_table
from .train import train_network

NETWORKS = ("teacher", "large", "edge", "tail-start", "tail")


def main(arguments: list[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    try:
        recipe = read_recipe(options.recipe)
        if options.seed is not None:
            recipe = replace(recipe, seed=read_number(options.seed, "--seed", RECIPE_LIMITS["seed"]))
        result = run_command(options, recipe)
        if result is not None:
            print(json.dumps(result, indent=2))
    except TrainingError as error:
        print(f"spillway_training: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"spillway_training: {error.filename or 'file system'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("spillway_training: interrupted; the same command continues from the last whole epoch", file=sys.stderr)
        return 130
    return 0


def run_command(options: argparse.Namespace, recipe: Recipe) -> Any:
    """Runs one command; what it returns is printed as JSON."""
    command = options.command
    if command == "keep":  # The only one that looks at no image.
        for kind in options.networks:
            report(f"kept {keep_weights(options.runs, recipe, kind)}")
        return None
    device = read_device(options.device)
    data = read_dataset(options.data, read_size(options.size))
    if command == "train":
        train([options.network], options, recipe, data, device)
    elif command == "all":
        teacher = [] if recipe.teacher is None else ["teacher"]
        tail = [] if options.no_tail else ["tail-start", "tail"]
        train([*teacher, "large", "edge", *tail], options, recipe, data, device)
    elif command == "cluster":
        return cluster_tail(recipe, data.training, options.runs, device)
    elif command == "table":
        return make_table(options, recipe, data, device)
    if command in ("export", "all"):
        export_model(recipe, options.recipe, data, options.runs, options.model, not options.no_tail)
    if command in ("evaluate", "export", "all"):
        return evaluate_model(options.model, data, recipe.split_seed, options.logits)
    return None


def make_table(options: argparse.Namespace, recipe: Recipe, data: Dataset, device: torch.device) -> list[dict]:
    if options.table == "exits":
        return measure_exits(options.model, data, recipe.split_seed)
    return run_table(options.table, recipe, data, options.runs, device)


def train(kinds: list[str], options: argparse.Namespace, recipe: Recipe, data: Dataset, device: torch.device) -> None:
    for kind in kinds:
        if kind == "teacher" and recipe.teacher is None:
            raise TrainingError("train teacher: the recipe has no teacher beside its large network")
        train_network(kind, recipe, data.training, options.runs, device)


def read_device(name: str) -> torch.device:
    """The device, once it is known to work."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first_line = str(error).splitlines()[0]
        raise TrainingError(f"--device {name}: not usable here ({first_line})") from error
    return device


def read_size(text: str | None) -> tuple[int, int] | None:
    """`<width>x<height>` -> (height, width)."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text)
    if match is None or not all(8 <= int(side) <= 1024 for side in match.groups()):
        raise TrainingError(f"--size: expected <width>x<height>, 8 to 1024 pixels each, got {text!r}")
    return int(match.group(2)), int(match.group(1))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spillway_training", description="Trains, exports and evaluates the model.")
    commands = parser.add_subparsers(dest="command", required=True)
    train_command = commands.add_parser("train", help="train one network, continuing from its checkpoint")
    train_command.add_argument("network", choices=NETWORKS)
    keep_command = commands.add_parser("keep", help="keep the weights of finished networks where a lost run finds them")
    keep_command.add_argument("--networks", nargs="+", choices=NETWORKS, required=True)
    table_command = commands.add_parser("table", help="measure a table of comparisons; two train networks for it")
    table_command.add_argument("table", choices=TABLES)
    others = [
        commands.add_parser("cluster", help="cluster the tail's settings by their gradients"),
        commands.add_parser("export", help="write the ONNX files and the manifest, then evaluate them"),
        commands.add_parser("evaluate", help="measure the exported files on the report half"),
        commands.add_parser("all", help="train all networks, export, evaluate; continues where it stopped"),
    ]
    for command in (train_command, keep_command, table_command, *others):
        add_common_options(command)
    return parser


def add_common_options(command: argparse.ArgumentParser) -> None:
    default_recipe = TRAINING_FOLDER / "recipes" / "cpu.json"
    command.add_argument("recipe", type=Path, nargs="?", default=default_recipe, help="JSON (recipes/cpu.json)")
    command.add_argument("--seed", type=int, help="instead of the recipe's seed")
    command.add_argument("--device", default="cpu", help="a PyTorch device (cpu)")
    command.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder or .npz (the CIFAR-100 mosaics)")
    command.add_argument("--size", help="<width>x<height> that images of class folders are brought to")
    command.add_argument("--runs", type=Path, default=DEFAULT_RUNS, help="folder of the checkpoints (runs)")
    command.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="model folder (models/cifar100)")
    command.add_argument("--no-tail", action="store_true", help="leave the tail out of all and export")
    command.add_argument("--logits", type=Path, help="where evaluate also writes all logits, as .npz")

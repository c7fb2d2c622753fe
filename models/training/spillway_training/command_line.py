"""The command line: `python -m spillway_training <command> [recipe]`; paths are relative to models/training.

Results go to stdout as JSON, progress to stderr. Bad input ends with one clear line and exit status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from .data import read_training
from .errors import TrainingError
from .evaluate import evaluate_model
from .export import export_model
from .paths import DEFAULT_DATA, DEFAULT_MODEL, DEFAULT_RUNS, TRAINING_FOLDER
from .recipe import RECIPE_LIMITS, Recipe, read_number, read_recipe
from .train import train_network


def main(arguments: list[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    try:
        recipe = read_recipe(options.recipe)
        if options.seed is not None:
            recipe = replace(recipe, seed=read_number(options.seed, "--seed", RECIPE_LIMITS["seed"]))
        run_command(options, recipe)
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


def run_command(options: argparse.Namespace, recipe: Recipe) -> None:
    if options.command == "train":
        train([options.network], options, recipe)
    elif options.command == "all":
        train(["edge", "large"], options, recipe)
    if options.command in ("export", "all"):
        export_model(recipe, options.recipe, options.data, options.runs, options.model)
    if options.command in ("evaluate", "export", "all"):
        print(json.dumps(evaluate_model(options.model, options.data, recipe.split_seed), indent=2))


def train(kinds: list[str], options: argparse.Namespace, recipe: Recipe) -> None:
    device = read_device(options.device)
    training = read_training(options.data)
    for kind in kinds:
        train_network(kind, recipe, training, options.runs, device)


def read_device(name: str) -> torch.device:
    """The device, once it is known to work."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first_line = str(error).splitlines()[0]
        raise TrainingError(f"--device {name}: not usable here ({first_line})") from error
    return device


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spillway_training", description="Trains, exports and evaluates the model.")
    commands = parser.add_subparsers(dest="command", required=True)
    train_command = commands.add_parser("train", help="train one network, continuing from its checkpoint")
    train_command.add_argument("network", choices=["edge", "large"])
    export_command = commands.add_parser("export", help="write the ONNX files and the manifest, then evaluate them")
    evaluate_command = commands.add_parser("evaluate", help="measure the exported files on the report half")
    all_command = commands.add_parser("all", help="train both networks, export, evaluate; continues where it stopped")
    for command in (train_command, export_command, evaluate_command, all_command):
        add_common_options(command)
    return parser


def add_common_options(command: argparse.ArgumentParser) -> None:
    default_recipe = TRAINING_FOLDER / "recipes" / "first.json"
    command.add_argument("recipe", type=Path, nargs="?", default=default_recipe, help="JSON (recipes/first.json)")
    command.add_argument("--seed", type=int, help="instead of the recipe's seed")
    command.add_argument("--device", default="cpu", help="a PyTorch device (cpu)")
    command.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the CIFAR-100 mosaics")
    command.add_argument("--runs", type=Path, default=DEFAULT_RUNS, help="folder of the checkpoints (runs)")
    command.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="model folder (models/cifar100)")

"""The command line: `python -m spillway_training.dqn train --metrics m.npy --rewards r.npy --rate 0.1 --depth 4 ...`.

The policy goes to --out, progress to stderr. Bad input ends with one clear line and exit status 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import torch

from ..command_line import read_device
from ..errors import TrainingError
from ..json_fields import read_number
from ..machine import keep_freed_memory
from ..paths import DEFAULT_RUNS, TRAINING_FOLDER
from ..read_recipe import RECIPE_LIMITS
from .arrivals import FORMS as ARRIVAL_FORMS
from .cell import Cell
from .export import write_policy
from .recipe import read_dqn_recipe
from .samples import read_samples
from .sequences import FORMS as SEQUENCE_FORMS
from .train import train_dqn

PROGRAM = "spillway_training.dqn"


def main(arguments: list[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    try:
        train(options)
    except TrainingError as error:
        return fail(str(error), 1)
    except OSError as error:  # a full disk, a folder that may not be written
        return fail(f"{error.filename or 'file system'}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return fail("interrupted; the same command continues from the last checkpoint", 130)
    return 0


def train(options: argparse.Namespace) -> None:
    cell = read_cell(options)
    seed = read_number(options.seed, "--seed", RECIPE_LIMITS["seed"])
    if options.model is not None and not re.fullmatch(r"[0-9a-f]{64}", options.model):
        raise TrainingError(f"--model: expected 64 lower-case hexadecimal digits, got {options.model!r}")
    # Now, not after an hour of training.
    if not options.out.parent.is_dir():
        raise TrainingError(f"--out {options.out}: its folder does not exist")
    recipe = read_dqn_recipe(options.recipe)
    samples = read_samples(options.metrics, options.rewards)
    device = read_device(options.device)
    # The layers are too small to share between cores; cells are trained side by side instead.
    torch.set_num_threads(1)
    keep_freed_memory()
    write_policy(train_dqn(cell, samples, recipe, seed, options.runs, device), options.model, options.out)


def read_cell(options: argparse.Namespace) -> Cell:
    """The cell, once its parts are known to be sound: reading them is what checks them."""
    cell = Cell(options.rate, options.depth, options.arrival, options.sequence)
    _ = cell.grid, cell.arrivals, cell.sequences
    return cell


def fail(line: str, status: int) -> int:
    print(f"{PROGRAM}: {line}", file=sys.stderr)
    return status


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Trains a Q-network that spends a bucket's tokens.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("train", help="train a network, continuing from its checkpoint, and write its policy")
    command.add_argument("--metrics", type=Path, required=True, help=".npy, one offload metric an image")
    command.add_argument("--rewards", type=Path, required=True, help=".npy, edge loss - cloud loss of the same images")
    command.add_argument("--rate", type=float, required=True, help="tokens a time unit")
    command.add_argument("--depth", type=float, required=True, help="tokens the bucket holds")
    command.add_argument("--arrival", required=True, help=ARRIVAL_FORMS)
    command.add_argument("--sequence", required=True, help=SEQUENCE_FORMS)
    command.add_argument("--out", type=Path, required=True, help="JSON policy to write")
    default_recipe = TRAINING_FOLDER / "recipes" / "dqn" / "emsoft22.json"
    command.add_argument("--recipe", type=Path, default=default_recipe, help="JSON (recipes/dqn/emsoft22.json)")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--runs", type=Path, default=DEFAULT_RUNS, help="folder of the checkpoints (runs)")
    command.add_argument("--device", default="cpu", help="a PyTorch device (cpu)")
    command.add_argument("--model", help="SHA-256 of the manifest of the model whose metrics these are")
    return parser

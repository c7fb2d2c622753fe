"""Golden vectors of test/shared/policy/q-network.test.ts, from the trainer's own modules.

    node models/training/environment.mjs python ../../test/vectors/q-network.py

Three untrained networks with drawn weights, and what they make of 60 frames. `outputs` are of each frame all
levels' pairs (keep, offload); `wanted` says of each frame at which levels it offloads. The seed of the weights is the
first that leaves no verdict to rounding, and gives every level both verdicts.
"""

import json
import platform
import sys
from pathlib import Path

import numpy
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "training"))

from spillway_training.dqn.cell import Cell  # noqa: E402
from spillway_training.dqn.checkpoint import DqnCheckpoint  # noqa: E402
from spillway_training.dqn.export import policy_of  # noqa: E402
from spillway_training.dqn.inputs import InputScaling, fit_scaling  # noqa: E402
from spillway_training.dqn.network import QNetwork  # noqa: E402
from spillway_training.dqn.recipe import DqnRecipe  # noqa: E402
from spillway_training.dqn.samples import Samples, sort_samples  # noqa: E402
from spillway_training.dqn.targets import worth_offloading  # noqa: E402
from spillway_training.dqn.traffic import Traffic, draw_traffic  # noqa: E402
from spillway_training.dqn.train import DqnTraining  # noqa: E402

SEED = 20261120
FRAMES = 60
# Between keeping and offloading: far above what float32 sums in another order differ by.
SMALLEST_MARGIN = 2e-3
LEAK = 0.2
CASES = [
    # name, cell, history, hidden widths
    ("metrics only", Cell(0.5, 2, "periodic", "iid"), 5, [4, 4]),
    ("with intervals", Cell(0.5, 2, "geometric:0.4", "iid"), 5, [4, 4]),
    ("odd widths, modulated arrivals", Cell(2 / 3, 5 / 3, "modulated:1,3,0.2,0.1", "location-reset:0.2,0.1"), 3, [7, 5]),
]


def main() -> None:
    random = numpy.random.default_rng(SEED)
    vectors = {
        "made": {
            "by": "test/vectors/q-network.py",
            "seed": SEED,
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "torch": torch.__version__,
        },
        "smallestMargin": SMALLEST_MARGIN,
        "cases": [make_case(random, *case) for case in CASES],
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(vectors, allow_nan=False) + "\n")


def make_case(random: numpy.random.Generator, name: str, cell: Cell, history: int, widths: list[int]) -> dict:
    metrics = random.random(200)
    samples = sort_samples(metrics, metrics)
    traffic = draw_traffic(samples, cell, random, 1, FRAMES)
    scaling = fit_scaling(samples, cell.arrivals, history, cell.arrivals.deviation > 0)
    sizes = [scaling.width, *widths, (cell.grid.m + 1) * 2]
    network = next(network for network in networks(sizes) if is_clear(network, scaling, cell, traffic))
    outputs = outputs_of(network, scaling, traffic)
    return {
        "name": name,
        "policy": policy_of(training_of(cell, samples, scaling, network), None),
        "metrics": traffic.metrics[0].tolist(),
        # The one after each frame.
        "intervals": traffic.intervals[0].tolist(),
        "outputs": [[float(f"{value:.9g}") for value in row] for row in outputs.tolist()],
        "wanted": worth_offloading(outputs, cell.grid).tolist(),
    }


def networks(sizes: list[int]):
    """One a seed, with biases drawn too: a fresh network's are zero, and would not show whether they are read."""
    for seed in range(100_000):
        network = QNetwork(sizes, LEAK, seed, torch.device("cpu"))
        generator = torch.Generator().manual_seed(seed)
        for _, bias in network.layers:
            bias.uniform_(-0.5, 0.5, generator=generator)
        yield network


def is_clear(network: QNetwork, scaling: InputScaling, cell: Cell, traffic: Traffic) -> bool:
    pairs = outputs_of(network, scaling, traffic).unflatten(1, (-1, 2))[:, cell.grid.p :]
    margins = pairs[:, :, 1] - pairs[:, :, 0]
    wanted = (margins > 0).float().mean(0)
    return bool(margins.abs().min() > SMALLEST_MARGIN and wanted.min() > 0.1 and wanted.max() < 0.9)


def outputs_of(network: QNetwork, scaling: InputScaling, traffic: Traffic) -> torch.Tensor:
    with torch.no_grad():
        return network.outputs(scaling.inputs(traffic.metrics, traffic.intervals)[0])


def training_of(cell: Cell, samples: Samples, scaling: InputScaling, network: QNetwork) -> DqnTraining:
    """As if it had been trained, which is what the export takes."""
    optimizer = torch.optim.Adam([network.parameters])
    state = DqnCheckpoint("", 0, 0.0, "none", network.parameters.data, {})
    return DqnTraining(cell, samples, DqnRecipe(), SEED, scaling, network, optimizer, state)


main()

"""Offload metrics and rewards of 2,000 images, and an MDP's thresholds, for simulate.py: make_rows.py FOLDER"""

import json
import platform
import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    random = np.random.default_rng(5)
    metrics = np.sort(random.random(2000))
    np.save(folder / "metrics.npy", metrics)
    np.save(folder / "rewards.npy", (random.random(2000) < metrics) * 1.0 - (random.random(2000) < 0.1) * 1.0)
    print(json.dumps({"python": platform.python_version(), "numpy": np.__version__}))


main(Path(sys.argv[1]))

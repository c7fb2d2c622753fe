"""Seeded arrays for the benchmarks of speed: make_arrays.py FOLDER

edge.npy, cloud.npy    float32 [1,000,000, 100], probabilities
labels.npy             int64 [1,000,000]; the edge is right on about three quarters
logits.npy             float32 [50,000, 100], over-confident by a factor of two
logit-labels.npy       int64 [50,000]

Prints the versions of what is measured with them.
"""

import json
import platform
import sys
from pathlib import Path

import numpy as np
import scipy

SEED = 20_265
ROWS, CLASSES = 1_000_000, 100
LOGIT_ROWS = 50_000
SPREAD = 3
EDGE_ACCURACY = 0.75
CLOUD_BOOST = 8
OVERCONFIDENCE = 2


def main(folder: Path) -> None:
    random = np.random.default_rng(SEED)
    edge = random_logits(random, ROWS)
    labels = random.integers(CLASSES, size=ROWS)
    is_right = random.random(ROWS) < EDGE_ACCURACY
    labels[is_right] = edge.argmax(axis=1)[is_right]
    np.save(folder / "labels.npy", labels)
    np.save(folder / "edge.npy", softmax(edge))
    cloud = random_logits(random, ROWS)
    cloud[np.arange(ROWS), labels] += CLOUD_BOOST
    np.save(folder / "cloud.npy", softmax(cloud))

    logits = random_logits(random, LOGIT_ROWS)
    np.save(folder / "logits.npy", logits)
    # The largest of logits with Gumbel noise is a draw from their softmax.
    noise = random.gumbel(size=logits.shape)
    np.save(folder / "logit-labels.npy", (logits / OVERCONFIDENCE + noise).argmax(axis=1))
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    print(json.dumps(versions))


def random_logits(random: np.random.Generator, rows: int) -> np.ndarray:
    return SPREAD * random.standard_normal((rows, CLASSES), dtype=np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    """In place: there are 400 MB of them."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


main(Path(sys.argv[1]))

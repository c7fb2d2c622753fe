"""Golden vectors of test/shared/offload and test/shared/random, from NumPy and from Python's whole numbers.

Written with Python 3.11 and numpy 2.4.6; the versions that made the JSON are in it.

    python -m venv venv && venv/bin/pip install numpy==2.4.6
    venv/bin/python test/vectors/offload.py

The gain model is solved here as one dense least-squares problem with a column for each class, the kernel
regression row by row. Infinities are strings, as JSON has none; arrays of rows are flat and row-major.
"""

import json
import platform
from pathlib import Path

import numpy as np

SEED = 20261206
OUTPUT = Path(__file__).with_suffix(".json")


def main() -> None:
    random = np.random.default_rng(SEED)
    vectors = {
        "made": {
            "by": "test/vectors/offload.py",
            "seed": SEED,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "gainModel": gain_model_cases(random),
        "kernelMetric": kernel_metric_cases(random),
        "mulberry32": [{"seed": seed, "numbers": mulberry32(seed, 6)} for seed in [0, 1, 20_261, 2**32 - 1]],
        "folds": [{"rows": rows, "folds": k, "seed": seed, "judged": judged(rows, k, seed)}
                  for rows, k, seed in [(13, 5, 20_261), (10, 5, 20_261), (7, 7, 3)]],
    }
    OUTPUT.write_text(json.dumps(vectors, allow_nan=False) + "\n")


def gain_model_cases(random) -> list:
    cases = []
    for name, rows, classes, ridge in [
        ("few classes", 60, 3, 10.0),
        ("two classes", 40, 2, 3.0),
        ("many classes, ties among the largest, and some classes never named", 90, 12, 30.0),
        ("no offsets", 50, 4, np.inf),
        ("offsets that nothing shrinks", 80, 4, 0.0),
    ]:
        probabilities = random.dirichlet(np.full(classes, 0.4), rows)
        if "ties" in name:
            probabilities[:, 7:] *= 1e-3
            probabilities[:10, :2] = probabilities[:10].max(axis=1, keepdims=True)
            probabilities /= probabilities.sum(axis=1, keepdims=True)
        gain = random.integers(-1, 2, rows).astype(float)
        solution = dense_ridge(probabilities, gain, ridge)
        cases.append({
            "name": name,
            "classes": classes,
            "ridge": "Infinity" if np.isinf(ridge) else ridge,
            "probabilities": probabilities.ravel().tolist(),
            "gain": gain.tolist(),
            # Without a penalty, intercept and offsets stand for each other; only the predictions are certain.
            "isUnique": ridge > 0,
            **solution,
        })
    return cases


def dense_ridge(probabilities: np.ndarray, gain: np.ndarray, ridge: float) -> dict:
    rows, classes = probabilities.shape
    features = features_of(probabilities)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    named = np.eye(classes)[probabilities.argmax(axis=1)]
    design = np.hstack([np.ones((rows, 1)), (features - mean) / scale])
    penalty = [0.0] + [1.0] * features.shape[1]
    if np.isfinite(ridge):
        design = np.hstack([design, named])
        penalty += [ridge] * classes
    stacked = np.vstack([design, np.diag(np.sqrt(penalty))])
    target = np.concatenate([gain, np.zeros(len(penalty))])
    solution = np.linalg.lstsq(stacked, target, rcond=None)[0]
    count = features.shape[1]
    weights = solution[1:1 + count] / scale
    offsets = solution[1 + count:] if np.isfinite(ridge) else np.zeros(classes)
    return {
        "intercept": float(solution[0] - weights @ mean),
        "weights": weights.tolist(),
        "offsets": offsets.tolist(),
        "predictions": np.clip(design @ solution, -1, 1).tolist(),
    }


def features_of(probabilities: np.ndarray) -> np.ndarray:
    classes = probabilities.shape[1]
    largest = -np.sort(-probabilities, axis=1)[:, :min(5, classes)]
    margin = largest[:, 0] - largest[:, 1]
    safe = np.where(probabilities > 0, probabilities, 1)
    entropy = 1 + (probabilities * np.log(safe)).sum(axis=1) / np.log(classes)
    logarithms = np.log(np.maximum(largest, 1e-9))
    return np.column_stack([margin, margin**2, largest[:, 0], largest[:, 0] ** 2, entropy, logarithms])


def kernel_metric_cases(random) -> list:
    cases = []
    for name, rows, bandwidth, decimals in [
        ("every row a knot", 100, 0.05, 17),
        ("knots at even ranks", 400, 0.1, 17),
        ("rows that share a confidence", 300, 0.053, 2),
    ]:
        confidence = random.uniform(0, 1, rows).round(decimals)
        gain = 0.5 - confidence**2
        order = np.argsort(confidence, kind="stable")
        ranks = np.floor(np.arange(128) * (rows - 1) / 127 + 0.5).astype(int)
        knots = np.unique(confidence[order][ranks])
        distance = np.abs(knots[:, None] - confidence[None, :]) / bandwidth
        weight = np.exp(-(distance**2) / 2)
        untruncated = weight @ gain / weight.sum(axis=1)
        weight[distance > 4] = 0
        smoothed = weight @ gain / weight.sum(axis=1)
        assert (np.diff(smoothed) < 0).all(), "the monotone step must have nothing to do"
        cases.append({
            "name": name,
            "bandwidth": bandwidth,
            "confidence": confidence.tolist(),
            "gain": gain.tolist(),
            "knots": knots.tolist(),
            "smoothed": smoothed.tolist(),
            "untruncated": untruncated.tolist(),
        })
    return cases


def words(seed: int):
    """Mulberry32's numbers as whole numbers of 32 bits."""
    state = seed
    while True:
        state = (state + 0x6D2B79F5) % 2**32
        t = (state ^ (state >> 15)) * (state | 1) % 2**32
        t ^= (t + (t ^ (t >> 7)) * (t | 61)) % 2**32
        yield t ^ (t >> 14)


def mulberry32(seed: int, count: int) -> list:
    numbers = words(seed)
    return [next(numbers) / 2**32 for _ in range(count)]


def judged(rows: int, folds: int, seed: int) -> list:
    numbers = words(seed)
    order = list(range(rows))
    for last in range(rows - 1, -1, -1):
        other = next(numbers) * (last + 1) >> 32
        order[last], order[other] = order[other], order[last]
    return [sorted(order[fold::folds]) for fold in range(folds)]


if __name__ == "__main__":
    main()

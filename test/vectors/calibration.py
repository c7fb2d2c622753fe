"""Golden vectors of test/shared/calibration and test/shared/offload, from NumPy, SciPy and scikit-learn.

Written with Python 3.11, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1; the versions that made the JSON are in it.

    python -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
    venv/bin/python test/vectors/calibration.py

Infinities are strings, as JSON has none; arrays of rows are flat and row-major.
"""

import json
import platform
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import optimize, special, stats
from sklearn.isotonic import IsotonicRegression

SEED = 20261120
OUTPUT = Path(__file__).with_suffix(".json")


def main() -> None:
    random = np.random.default_rng(SEED)
    vectors = {
        "made": {
            "by": "test/vectors/calibration.py",
            "seed": SEED,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "softmax": softmax_cases(random),
        "temperature": temperature_cases(random),
        "confidence": confidence_cases(random),
        "calibrationError": calibration_error_cases(random),
        "isotonic": isotonic_cases(random),
        "poolWeights": pool_weight_cases(random),
    }
    OUTPUT.write_text(json.dumps(plain(vectors), allow_nan=False) + "\n")


def plain(value):
    """The value as JSON can hold it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, (np.integer, np.bool_)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def softmax_cases(random) -> list:
    rows = {
        "ordinary": (random.normal(0, 3, 10), 1.0),
        "warm": (random.normal(0, 3, 10), 2.5),
        "cold": (random.normal(0, 3, 10), 0.05),
        "one class": (np.array([-3.5]), 1.0),
        "equal": (np.full(7, 4.25), 1.0),
        "beyond exp's range above": (np.array([1000.0, 999.0, -1000.0]), 1.0),
        "beyond exp's range below": (np.array([-1e6, -1e6 - 1.5, -1e6 - 2]), 1.0),
        "huge spread": (np.array([1e300, -1e300, 0.0]), 1.0),
        "an impossible class": (np.array([0.5, -np.inf, -0.25]), 1.0),
        "many classes": (random.normal(0, 8, 100), 1.7),
    }
    return [
        {
            "name": name,
            "logits": logits,
            "temperature": temperature,
            "probabilities": special.softmax(logits / temperature),
            "logSumExp": special.logsumexp(logits / temperature),
        }
        for name, (logits, temperature) in rows.items()
    ]


def mean_nll(logits, labels, temperature) -> float:
    """Relative to each row's maximum, so that the reference is exact for logits far from zero too."""
    relative = (logits - logits.max(axis=1, keepdims=True)) / temperature
    return float(np.mean(special.logsumexp(relative, axis=1) - relative[np.arange(len(labels)), labels]))


def temperature_cases(random) -> list:
    cases = []
    settings = {
        "overconfident": (200, 10, 2.4, 0.0),
        "underconfident": (200, 5, 0.4, 0.0),
        "two classes": (60, 2, 1.3, 0.0),
        "far from zero": (80, 4, 1.6, 1e7),
    }
    for name, (rows, classes, true_temperature, offset) in settings.items():
        logits = random.normal(0, 1.5, (rows, classes))
        labels = np.array([random.choice(classes, p=special.softmax(row)) for row in logits])
        # Multiples of 1/1024, so that the offset costs no digits.
        logits = np.round(logits * true_temperature * 1024) / 1024 + offset
        fit = optimize.minimize_scalar(
            lambda log_t: mean_nll(logits, labels, np.exp(log_t)),
            bounds=(np.log(0.01), np.log(100)),
            method="bounded",
            options={"xatol": 1e-10},
        )
        temperature = float(np.exp(fit.x))
        cases.append(
            {
                "name": name,
                "classes": classes,
                "logits": logits.ravel(),
                "labels": labels,
                "temperature": temperature,
                "smallestNll": mean_nll(logits, labels, temperature),
                "nll": [{"temperature": t, "value": mean_nll(logits, labels, t)} for t in (0.05, 0.5, 1.0, 2.0, 40.0)],
            }
        )
    return cases


def confidence_cases(random) -> list:
    rows = [
        np.array([1.0]),
        np.array([1.0, 0.0, 0.0]),
        np.array([0.5, 0.5]),
        np.array([0.4, 0.1, 0.4, 0.1]),
        np.full(100, 0.01),
        *random.dirichlet(np.full(10, 0.3), 4),
        *random.dirichlet(np.full(100, 0.05), 2),
    ]
    return [
        {
            "probabilities": row,
            "max-probability": row.max(),
            "margin": np.subtract(*np.sort(np.append(row, 0.0))[:-3:-1]),
            "entropy": 1.0 if len(row) == 1 else 1 - stats.entropy(row, base=len(row)),
        }
        for row in rows
    ]


def calibration_error(confidence, correct, bins) -> float:
    """Mask by mask over the right-closed bins, as calibration papers write it."""
    total = 0.0
    for index in range(bins):
        low, high = index / bins, (index + 1) / bins
        inside = (confidence > low) & (confidence <= high)
        if index == 0:
            inside |= confidence == 0
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return total


def calibration_error_cases(random) -> list:
    # With half the edges right and half wrong, in turn, left-closed bins would give another error.
    edges = np.arange(16) / 15
    spread = random.uniform(0, 1, 300)
    settings = {
        "overconfident": (spread, random.uniform(0, 1, 300) < spread**2, 15),
        "every edge of the bins": (edges, np.arange(16) % 2 == 0, 15),
        "all certain, some wrong": (np.ones(8), np.arange(8) < 5, 15),
        "one bin": (spread[:40], random.uniform(0, 1, 40) < 0.5, 1),
        "a hundred bins": (spread, random.uniform(0, 1, 300) < spread, 100),
    }
    return [
        {
            "name": name,
            "confidence": confidence,
            "correct": correct,
            "bins": bins,
            "error": calibration_error(confidence, correct, bins),
        }
        for name, (confidence, correct, bins) in settings.items()
    ]


def isotonic_cases(random) -> list:
    grid = random.integers(0, 12, 150) / 8
    positions = random.uniform(0, 1, 120)
    settings = {
        "already falling": (np.arange(5.0), np.array([5.0, 4.0, 2.0, 2.0, -1.0])),
        "rising": (np.arange(6.0), np.arange(6.0)),
        "one row": (np.array([0.5]), np.array([-0.25])),
        "tied rows of which the first would pool with its left": (np.array([0.5, 1, 1]), np.array([3.0, 5.0, -5.0])),
        "tied rows in a sawtooth": (np.repeat([0.25, 0.5, 0.75, 1.0], 3), np.tile([2.0, -1.0, 0.5], 4)),
        "many ties": (grid, np.round(random.normal(0, 1, 150) - grid, 3)),
        "one position": (np.full(9, 0.5), np.round(random.normal(0, 1, 9), 3)),
        "gains of -1, 0 and 1": (np.round(positions, 6), random.integers(-1, 2, 120)),
        "noise": (positions, random.normal(0, 1, 120) - 2 * positions),
    }
    cases = []
    for name, (x, y) in settings.items():
        shuffled = random.permutation(len(x))
        x, y = x[shuffled], y[shuffled]
        fitted = IsotonicRegression(increasing=False).fit_transform(x, y.astype(float))
        cases.append({"name": name, "positions": x, "values": y, "fitted": fitted})
    return cases


def pool_weight_cases(random) -> list:
    rows = 250
    truth = random.uniform(0.02, 1, rows)
    independent = random.beta(2, 1.5, (3, rows))
    settings = {
        "three of a kind": independent,
        "one better than the other": np.stack([random.beta(2.5, 1.5, rows), random.beta(1.5, 1.5, rows)]),
        "one always better": np.stack([truth**0.4, 0.9 * truth**0.4]),
        "one of no use": np.stack([random.beta(3, 1, rows), random.beta(3, 1, rows), 0.3 * random.beta(1, 2, rows)]),
        "each blind somewhere": np.where(np.arange(rows) % 5 == np.array([[0], [1]]), 0.0, independent[:2]),
    }
    cases = []
    for name, likelihoods in settings.items():
        likelihoods = np.round(likelihoods, 6)
        weights = best_weights(likelihoods)
        value = float(np.mean(np.log(weights @ likelihoods)))
        cases.append({"name": name, "likelihoods": likelihoods, "weights": weights, "meanLogLikelihood": value})
    return cases


def best_weights(likelihoods) -> np.ndarray:
    """Sequential quadratic programming, then Newton on the conditions of optimality over the weights above zero."""

    def gradient(weights):
        return (likelihoods / (weights @ likelihoods)).mean(axis=1)

    members = len(likelihoods)
    rough = optimize.minimize(
        lambda weights: -np.mean(np.log(weights @ likelihoods)),
        np.full(members, 1 / members),
        jac=lambda weights: -gradient(weights),
        bounds=[(0, 1)] * members,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    active = rough.x > 1e-6
    weights = np.zeros(members)

    def conditions(values):
        weights[active] = values
        slopes = gradient(weights)[active]
        return np.append(np.diff(slopes), values.sum() - 1)

    solution = optimize.root(conditions, rough.x[active], method="hybr", options={"xtol": 1e-14})
    weights[active] = solution.x
    assert np.abs(conditions(solution.x)).max() < 1e-12, "not at the optimum"
    # For weights adding to one the multiplier is 1; a weight of zero must not want to rise.
    assert (gradient(weights)[~active] <= 1 + 1e-9).all(), "a zero weight would help"
    return weights


if __name__ == "__main__":
    main()

"""Golden vectors of test/shared/calibration and test/shared/offload, from NumPy, SciPy and scikit-learn.

Written with Python 3.11, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1; the versions that made the JSON are in it.

    python -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
    venv/bin/python test/vectors/calibration.py

Infinities are strings, as JSON has none; arrays of rows are flat and row-major.
"""

import itertools
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
        "adaptiveCalibrationError": adaptive_error_cases(random),
        "brier": brier_cases(random),
        "vectorScaling": vector_scaling_cases(random),
        "isotonicScaling": isotonic_scaling_cases(random),
        "logLinearPool": log_linear_pool_cases(random),
        "risk": risk_cases(random),
        "logGamma": log_gamma_cases(),
        "beta": beta_cases(),
        "binomial": binomial_cases(),
        "upperConfidenceBound": upper_bound_cases(),
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


def binomial_cases() -> list:
    """Counts at both ends, around the mean and far from it; tails below 1e-250 are left out."""
    cases = []
    for trials in [1, 2, 7, 40, 300, 4000, 100_000, 10_000_000]:
        for p in [0.0, 1e-12, 1e-6, 0.001, 0.03, 0.3, 0.5, 0.77, 0.999, 1.0]:
            deviation = np.sqrt(trials * p * (1 - p))
            far = {int(trials * p + z * deviation) for z in (-30, -10, -2, 0, 1, 5, 20)}
            for k in sorted(k for k in far | {0, 1, trials - 1, trials} if 0 <= k <= trials):
                tails = (stats.binom.cdf(k, trials, p), stats.binom.sf(k - 1, trials, p), stats.binom.pmf(k, trials, p))
                if all(tail == 0 or tail > 1e-250 for tail in tails):
                    cases.append([k, trials, p, *tails])
    return cases


def beta_cases() -> list:
    points = itertools.product((0.0, 1e-9, 0.2, 0.5, 0.97, 1.0), (0.3, 1.0, 4.5, 900.0), (0.5, 2.0, 70.25))
    return [[x, a, b, special.betainc(a, b, x)] for x, a, b in points]


def log_gamma_cases() -> list:
    points = (1e-300, 1e-8, 0.1, 0.5, 1.0, 1.5, 2.0, 3.25, 9.999, 15.5, 16.0, 171.0, 1e4, 1e8, 1e15)
    return [[x, special.gammaln(x)] for x in points]


def upper_bound_cases() -> list:
    cases = []
    for trials in (1, 5, 60, 4000, 1_000_000):
        for k in sorted({0, 1, trials // 100, trials // 3, trials - 1} & set(range(trials))):
            for level in (0.05, 0.5, 0.95, 0.99, 0.999999):
                cases.append([k, trials, level, stats.beta.ppf(level, k + 1, trials - k)])
    return cases


def risk_cases(random) -> dict:
    hoeffding_bentkus = []
    for rows in (1, 30, 500, 4000):
        for limit in (0.01, 0.05, 0.3):
            for share in (0.0, 0.3, 0.9, 1.0, 1.2):
                mean = share * limit
                low = min(mean, limit)
                entropy = special.rel_entr(low, limit) + special.rel_entr(1 - low, 1 - limit)
                # Rounded first: share * limit * rows may come out a rounding step above a whole number.
                bentkus = np.e * stats.binom.cdf(np.ceil(np.round(rows * mean, 9)), rows, limit)
                hoeffding_bentkus.append([mean, rows, limit, min(1.0, np.exp(-rows * entropy), bentkus)])
    paired = []
    for rows in (1, 3, 12, 40, 120, 300):
        for limit in (0.0, 0.005, 0.02, 0.1, 0.3, 0.5, 0.7):
            for share in (0.001, 0.01, 0.05):
                for worse, better in random.integers(0, rows // 5 + 1, (8, 2)):
                    value = paired_p_value(worse, better, rows, limit, share)
                    paired.append([worse, better, rows, limit, share, value])
    return {"hoeffdingBentkus": hoeffding_bentkus, "paired": paired}


def paired_p_value(worse, better, rows, limit, share) -> float:
    """The distribution of the sum itself, by convolving that of one image with itself."""
    changed = worse + better
    upper = 1.0 if changed == rows else stats.beta.ppf(1 - share, changed + 1, rows - changed)
    upper = max(limit, upper)
    if upper > 0.5 or worse - better > (rows - 1) * limit - 2:
        return 1.0
    one = np.array([(upper - limit) / 2, 1 - upper, (upper + limit) / 2])
    total = np.ones(1)
    for _ in range(rows):
        total = np.convolve(total, one)
    return min(1.0, share + total[: rows + worse - better + 1].sum())


def adaptive_error_cases(random) -> list:
    spread = random.uniform(0, 1, 307)
    settings = {
        "rows that do not divide by the bins": (spread, random.uniform(0, 1, 307) < spread**2, 15),
        "many ties": (np.round(spread, 1), random.uniform(0, 1, 307) < spread, 15),
        "fewer rows than bins": (spread[:7], spread[:7] > 0.4, 15),
        "one bin": (spread[:40], random.uniform(0, 1, 40) < 0.5, 1),
    }
    cases = []
    for name, (confidence, correct, bins) in settings.items():
        order = np.argsort(confidence, kind="stable")
        stretches = [stretch for stretch in np.array_split(order, bins) if len(stretch) > 0]
        gaps = [abs(correct[stretch].mean() - confidence[stretch].mean()) for stretch in stretches]
        error = sum(len(stretch) / len(order) * gap for stretch, gap in zip(stretches, gaps, strict=True))
        cases.append({"name": name, "confidence": confidence, "correct": correct, "bins": bins, "error": error})
    return cases


def brier_cases(random) -> list:
    probabilities = random.dirichlet(np.full(4, 0.7), 60)
    labels = random.integers(0, 4, 60)
    score = np.mean(np.sum((probabilities - np.eye(4)[labels]) ** 2, axis=1))
    return [{"probabilities": probabilities.ravel(), "labels": labels, "classes": 4, "score": score}]


def labelled_logits(random, rows, classes, slope, bias) -> tuple:
    """Logits that a network with another slope for each class, and a liking for some, would give."""
    truth = random.normal(0, 1.8, (rows, classes))
    labels = np.array([random.choice(classes, p=special.softmax(row)) for row in truth])
    return np.round(truth * slope + bias, 4), labels


def vector_scaling_cases(random) -> list:
    settings = {
        "overconfident, with favourites": (150, 5, np.linspace(1, 3, 5), np.linspace(-2, 2, 5), 0.01),
        "two classes": (60, 2, np.array([0.5, 0.7]), np.array([0.0, 0.4]), 0.01),
        "a strong penalty": (100, 4, np.array([1.0, 2.0, 3.0, 1.5]), np.array([0.0, 1.0, 0.0, -1.0]), 1.0),
        "no penalty": (200, 3, np.array([1.0, 2.0, 1.4]), np.array([5.0, 4.0, 6.5]), 0.0),
    }
    cases = []
    for name, (rows, classes, slope, bias, l2) in settings.items():
        logits, labels = labelled_logits(random, rows, classes, slope, bias)
        inverse = optimize.minimize_scalar(
            lambda u: mean_nll(logits, labels, np.exp(u)), bounds=(-4, 4), method="bounded", options={"xatol": 1e-11}
        ).x
        inverse = np.exp(-inverse)

        def objective(point):
            scaled = logits * point[:classes] + point[classes:]
            penalty = np.mean((point[:classes] - inverse) ** 2) + np.mean(point[classes:] ** 2)
            error = special.softmax(scaled, axis=1) - np.eye(classes)[labels]
            gradient = np.concatenate([(error * logits).mean(axis=0), error.mean(axis=0)])
            gradient += 2 * l2 / classes * (point - np.repeat([inverse, 0], classes))
            return mean_nll(scaled, labels, 1.0) + l2 * penalty, gradient

        start = np.repeat([inverse, 0.0], classes)
        options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10_000, "maxfun": 100_000}
        fit = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        case = {"name": name, "logits": logits.ravel(), "labels": labels, "classes": classes, "l2": l2}
        point = fit.x - np.concatenate([np.zeros(classes), np.full(classes, fit.x[classes:].mean())])
        best = {"scale": point[:classes], "bias": point[classes:], "inverse": inverse, "objective": fit.fun}
        cases.append({**case, **best})
    return cases


def isotonic_scaling_cases(random) -> list:
    logits, labels = labelled_logits(random, 120, 4, 2.2, 0.0)
    temperature = np.exp(
        optimize.minimize_scalar(
            lambda u: mean_nll(logits, labels, np.exp(u)), bounds=(-4, 4), method="bounded", options={"xatol": 1e-11}
        ).x
    )
    probabilities = special.softmax(logits / temperature, axis=1).ravel()
    fitted = IsotonicRegression().fit_transform(probabilities, np.eye(4)[labels].ravel())
    frequency = np.unique(np.round(fitted, 12))
    probability = [probabilities[np.abs(fitted - f) < 1e-9].mean() for f in frequency]
    case = {"logits": logits.ravel(), "labels": labels, "classes": 4, "temperature": temperature}
    return [{**case, "probability": probability, "frequency": frequency}]


def log_linear_pool_cases(random) -> list:
    rows, classes = 200, 5
    truth = random.normal(0, 1.5, (rows, classes))
    labels = np.array([random.choice(classes, p=special.softmax(row)) for row in truth])

    def member(noise, scale):
        return special.softmax(scale * (truth + random.normal(0, noise, truth.shape)), axis=1)

    blind = special.softmax(random.normal(0, 2, truth.shape), axis=1)
    veto = member(0.8, 1.0)
    veto[::9, 0] = 0
    settings = {
        "two of a kind": [member(0.8, 1.0), member(0.8, 1.0)],
        "one overconfident, one good": [member(1.5, 3.0), member(0.5, 1.0)],
        "three, one of no use": [member(0.7, 1.2), blind, member(1, 0.5)],
        "zeros": [veto, member(1.2, 1.0)],
        "alone": [member(0.6, 2.0)],
    }
    cases = []
    for name, members in settings.items():
        members = [np.round(p, 5) for p in members]
        logs = np.log(np.maximum(np.stack(members), 1e-12))

        def loss(powers):
            scores = np.tensordot(powers, logs, 1)
            pooled = special.softmax(scores, axis=1)
            slopes = (pooled * logs).sum(axis=2).mean(axis=1) - logs[:, np.arange(rows), labels].mean(axis=1)
            return mean_nll(scores, labels, 1.0), slopes

        options = {"ftol": 1e-16, "gtol": 1e-11, "maxiter": 10_000}
        fit = optimize.minimize(loss, np.full(len(logs), 0.5), jac=True, bounds=[(0, 100)] * len(logs), options=options)
        powers, first = fit.x, np.tensordot(fit.x, logs[:, 0], 1)
        cases.append(
            {
                "name": name,
                "members": [p.ravel() for p in members],
                "labels": labels,
                "classes": classes,
                "powers": powers,
                "nll": fit.fun,
                "firstRow": special.softmax(first),
            }
        )
    return cases


if __name__ == "__main__":
    main()

"""The temperature that minimises the mean negative log-likelihood, by SciPy: temperature.py FOLDER

Prints seconds of the fit, without reading the files, and the temperature.
"""

import json
import resource
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

# Of the ways that SciPy offers, the one that takes fewest evaluations here.
BRACKET = (1, 2)


def main(folder: Path) -> None:
    logits = np.load(folder / "logits.npy")
    labels = np.load(folder / "logit-labels.npy")
    rows = np.arange(len(labels))

    def negative_log_likelihood(temperature: float) -> float:
        scaled = logits / temperature
        return np.mean(logsumexp(scaled, axis=1) - scaled[rows, labels])

    start = perf_counter()
    fit = minimize_scalar(negative_log_likelihood, bracket=BRACKET, method="brent")
    seconds = perf_counter() - start

    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak_bytes, "answer": float(fit.x)}))


main(Path(sys.argv[1]))

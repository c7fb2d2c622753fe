"""The simulation of time-simulate.ts by NumPy, all sequences side by side: simulate.py FOLDER threshold|mdp

Images are drawn independently and come once a time unit. Prints seconds from the arrays to the mean reward, the peak of
resident memory, and that reward.
"""

import json
import resource
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

SEQUENCES, FRAMES = 200, 20_000
Q, P, M = 1, 10, 40


def main(folder: Path, policy: str) -> None:
    metrics = np.load(folder / "metrics.npy")
    rewards = np.load(folder / "rewards.npy")
    # By level; below one token there is nothing to offload.
    thresholds = np.full(M + 1, 2.0)
    thresholds[P:] = json.loads((folder / "mdp.json").read_text()) if policy == "mdp" else metrics[len(metrics) * 9 // 10]
    start = perf_counter()
    random = np.random.default_rng(1)
    level = np.full(SEQUENCES, M)
    gained = np.zeros(SEQUENCES)
    for _ in range(FRAMES):
        image = random.integers(len(metrics), size=SEQUENCES)
        offload = metrics[image] >= thresholds[level]
        gained += rewards[image] * offload
        level += Q - P * offload
        np.minimum(level, M, out=level)
    answer = gained.mean() / FRAMES
    seconds = perf_counter() - start
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak_bytes, "answer": float(answer)}))


main(Path(sys.argv[1]), sys.argv[2])

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

SEQUENCES, FRAMES, BLOCK = 200, 20_000, 500
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
    spent = np.empty_like(level)
    gained = 0.0
    # Frames are drawn and paid in blocks: a call for 200 numbers takes longer to make than to do.
    for _ in range(FRAMES // BLOCK):
        images = random.integers(len(metrics), size=(BLOCK, SEQUENCES))
        shown = metrics.take(images)
        offloads = np.empty(images.shape, dtype=bool)
        for metric, offload in zip(shown, offloads, strict=True):
            np.greater_equal(metric, thresholds.take(level), out=offload)
            np.multiply(offload, P, out=spent)
            np.subtract(level, spent, out=level)
            np.add(level, Q, out=level)
            np.minimum(level, M, out=level)
        gained += float(rewards.take(images)[offloads].sum())
    answer = gained / (FRAMES * SEQUENCES)
    seconds = perf_counter() - start
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak_bytes, "answer": answer}))


main(Path(sys.argv[1]), sys.argv[2])

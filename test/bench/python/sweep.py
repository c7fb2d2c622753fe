"""Accuracy and offload rate at every threshold of the margin, by NumPy: sweep.py FOLDER

Prints seconds from the files to the curve, the peak of resident memory, and the area under the curve.
"""

import json
import resource
import sys
from pathlib import Path
from time import perf_counter

import numpy as np


def main(folder: Path) -> None:
    start = perf_counter()
    labels = np.load(folder / "labels.npy")
    edge = np.load(folder / "edge.npy")
    largest_two = np.partition(edge, -2, axis=1)[:, -2:].astype(np.float64)
    margin = largest_two[:, 1] - largest_two[:, 0]
    edge_correct = edge.argmax(axis=1) == labels
    del edge
    cloud_correct = np.load(folder / "cloud.npy").argmax(axis=1) == labels

    order = np.argsort(margin)
    offloaded_correct = np.concatenate([[0], np.cumsum(cloud_correct[order])])
    kept_correct = edge_correct.sum() - np.concatenate([[0], np.cumsum(edge_correct[order])])
    accuracy = (offloaded_correct + kept_correct) / len(labels)
    offload_rate = np.arange(len(labels) + 1) / len(labels)
    area = np.trapezoid(accuracy, offload_rate)
    seconds = perf_counter() - start

    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak_bytes, "answer": float(area)}))


main(Path(sys.argv[1]))

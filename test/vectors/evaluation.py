"""Golden files of test/models/evaluation: what `spillway evaluate` writes, as another tool would write it; of a model
without a tail, and with one at two settings, of which the second has no frame lengths.

Written with Python 3.11 and numpy 2.4.6.

    python -m venv venv && venv/bin/pip install numpy==2.4.6
    venv/bin/python test/vectors/evaluation.py
"""

import json
from pathlib import Path

import numpy

meta = json.dumps({"evaluationVersion": 1, "modelHash": "ab" * 32, "dataset": "zwölf Bilder"}, ensure_ascii=False)
rows = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
arrays = {
    "exit1": rows,
    "exit2": numpy.asfortranarray(-rows),
    "large": rows.astype(numpy.float64) / 2,
    "labels": numpy.array([2, 0]),
    "meta": numpy.array([ord(character) for character in meta]),
}
tail = {"tail-2x1": rows + 1, "bytes-2x1": numpy.array([70, 65_000], numpy.int32), "tail-4x4": rows + 2}
numpy.savez_compressed(Path(__file__).with_name("evaluation.npz"), **arrays)
numpy.savez_compressed(Path(__file__).with_name("evaluation.tail.npz"), **arrays, **tail)

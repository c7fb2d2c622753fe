"""Golden files of test/models/arrays: what numpy.save and numpy.savez write, of the kinds that are read and of
those that are refused.

Written with Python 3.11 and numpy 2.4.6, whose bytes encodeNpy reproduces.

    python -m venv venv && venv/bin/pip install numpy==2.4.6
    venv/bin/python test/vectors/arrays.py

Number k of an array, in C order, is k / 8 - 1 where the type is a float, k - 2 where it has a sign, else k.
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).with_suffix("")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for dtype in ["float32", "float64", "int64", "int32", "uint8"]:
        save(f"{dtype}-c", numbers(dtype, (3, 4)))
        save(f"{dtype}-fortran", np.asfortranarray(numbers(dtype, (2, 3, 4))))
    save("vector", numbers("int64", (10,)))
    save("scalar", numbers("float64", ()))
    # Its head would end at byte 128 without padding, and is padded by 64 bytes all the same.
    save("longest-padding", numbers("float32", (1,) * 13 + (100,)))
    for version in [(2, 0), (3, 0)]:
        save(f"version-{version[0]}", numbers("float32", (3, 4)), version)

    save("refused-big-endian", numbers("float64", (2, 2)).astype(">f8"))
    save("refused-float16", numbers("float16", (2, 2)))
    save("refused-bool", np.array([True, False]))
    save("refused-text", np.array(["cat", "dog"]))
    save("refused-objects", np.array([1, "cat", None], dtype=object))
    save("refused-records", np.zeros(2, dtype=[("label", "<i8"), ("pair", [("a", "<f4"), ("b", "<f4", (2,))])]))
    save("refused-records-version-3", np.zeros(2, dtype=[("größe", "<f4")]), (3, 0))
    save("refused-empty", numbers("float32", (0, 100)))

    exits = {"exit1": numbers("float32", (3, 4)), "exit2": numbers("float64", (2, 3)), "labels": numbers("int64", (5,))}
    np.savez(FOLDER / "stored.npz", **exits)
    np.savez_compressed(FOLDER / "deflated.npz", **exits)
    np.savez(FOLDER / "single.npz", probabilities=np.asfortranarray(numbers("float32", (3, 4))))


def numbers(dtype: str, shape: tuple) -> np.ndarray:
    counted = np.arange(int(np.prod(shape)), dtype="float64").reshape(shape)
    kind = np.dtype(dtype).kind
    return (counted / 8 - 1 if kind == "f" else counted - 2 if kind == "i" else counted).astype(dtype)


def save(name: str, array: np.ndarray, version: tuple | None = None) -> None:
    with open(FOLDER / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, version)


if __name__ == "__main__":
    main()

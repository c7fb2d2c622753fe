"""Golden vectors of test/shared/preprocess, from NumPy: area resizing by integral images, EXIF orientation by
flips and quarter turns, and the tensor made of the result.

Written with Python 3.11 and numpy 2.4.6; the version that made the JSON is in it.

    python -m venv venv && venv/bin/pip install numpy==2.4.6
    venv/bin/python test/vectors/resize.py

Pictures are flat, row-major, interleaved: [height, width, channels].
"""

import json
import platform
from pathlib import Path

import numpy as np

SEED = 20261120
OUTPUT = Path(__file__).with_suffix(".json")

# What a viewer does to the stored picture, EXIF 2.32 tag 0x0112; quarter turns of rot90 are anticlockwise.
SHOWN = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: np.swapaxes(stored, 0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.swapaxes(np.rot90(stored, 2), 0, 1),
    8: lambda stored: np.rot90(stored, 1),
}

MEAN = [0.5071, 0.4865, 0.4409]
STD = [0.2673, 0.2564, 0.2762]


def main() -> None:
    random = np.random.default_rng(SEED)
    vectors = {
        "made": {
            "by": "test/vectors/resize.py",
            "seed": SEED,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "resize": resize_cases(random),
        "orientation": orientation_cases(random),
        "tensor": tensor_cases(random),
    }
    OUTPUT.write_text(json.dumps(vectors, allow_nan=False) + "\n")


def area_resize(pixels: np.ndarray, width: int, height: int, fit: str) -> np.ndarray:
    """Mean over each target cell's rectangle, as differences of the integral image at its corners."""
    colours = over_white(pixels.astype(np.float64))
    left, top, crop_width, crop_height = crop(pixels.shape[1], pixels.shape[0], width, height, fit)
    x = left + crop_width * np.arange(width + 1) / width
    y = top + crop_height * np.arange(height + 1) / height
    integral = np.zeros((colours.shape[0] + 1, colours.shape[1] + 1, 3))
    integral[1:, 1:] = colours.cumsum(axis=0).cumsum(axis=1)
    corners = at_fraction(at_fraction(integral, y, axis=0), x, axis=1)
    sums = np.diff(np.diff(corners, axis=0), axis=1)
    return sums / ((crop_width / width) * (crop_height / height))


def crop(source_width, source_height, width, height, fit):
    if fit == "fill":
        return 0.0, 0.0, float(source_width), float(source_height)
    scale = min(source_width / width, source_height / height)
    crop_width, crop_height = width * scale, height * scale
    return (source_width - crop_width) / 2, (source_height - crop_height) / 2, crop_width, crop_height


def over_white(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[2] == 3:
        return pixels
    opacity = pixels[:, :, 3:] / 255
    return pixels[:, :, :3] * opacity + 255 * (1 - opacity)


def at_fraction(values: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """Linear between whole positions, which is exact for the integral of a picture made of squares."""
    whole = np.clip(np.floor(positions).astype(int), 0, values.shape[axis] - 2)
    share = np.expand_dims(positions - whole, tuple(k for k in range(3) if k != axis))
    return values.take(whole, axis) * (1 - share) + values.take(whole + 1, axis) * share


def picture(random, width: int, height: int, channels: int = 3) -> np.ndarray:
    return random.integers(0, 256, (height, width, channels))


def described(pixels: np.ndarray) -> dict:
    height, width, channels = pixels.shape
    return {"width": width, "height": height, "channels": channels, "data": pixels.ravel().tolist()}


def resize_cases(random) -> list:
    settings = [
        ("halves", (8, 6, 3), (4, 3), "fill"),
        ("shrinks by ratios that are not whole", (11, 7, 3), (4, 3), "fill"),
        ("shrinks to one pixel", (9, 5, 3), (1, 1), "fill"),
        ("enlarges by whole numbers", (3, 2, 3), (9, 8), "fill"),
        ("enlarges by ratios that are not whole", (3, 4, 3), (7, 9), "fill"),
        ("shrinks one side, enlarges the other", (10, 3, 3), (4, 7), "fill"),
        ("keeps the size", (5, 4, 3), (5, 4), "fill"),
        ("enlarges one pixel", (1, 1, 3), (3, 2), "fill"),
        ("covers from a wide picture", (13, 5, 3), (4, 4), "cover"),
        ("covers from a tall picture", (5, 13, 3), (4, 4), "cover"),
        ("covers a wide target", (7, 7, 3), (6, 2), "cover"),
        ("covers and enlarges", (4, 3, 3), (8, 9), "cover"),
        ("covers with the same aspect", (9, 6, 3), (6, 4), "cover"),
        ("lays over white", (7, 6, 4), (3, 4), "fill"),
        ("lays over white and covers", (12, 5, 4), (3, 3), "cover"),
    ]
    cases = []
    for name, source, (width, height), fit in settings:
        pixels = picture(random, *source)
        if source[2] == 4:
            # Wholly clear and wholly solid pixels as well.
            pixels[0, :2, 3] = (0, 255)
        cases.append(
            {
                "name": name,
                "source": described(pixels),
                "width": width,
                "height": height,
                "fit": fit,
                "expected": area_resize(pixels, width, height, fit).ravel().tolist(),
            }
        )
    return cases


def orientation_cases(random) -> list:
    """Shown at its own size, where only pixels move; and resized, where the right way up comes first."""
    stored = picture(random, 5, 3)
    cases = []
    for orientation, turn in SHOWN.items():
        shown = turn(stored)
        cases.append(
            {
                "orientation": orientation,
                "stored": described(stored),
                "shown": described(shown),
                "resized": [
                    {
                        "width": width,
                        "height": height,
                        "fit": fit,
                        "expected": area_resize(shown, width, height, fit).ravel().tolist(),
                    }
                    for width, height, fit in [(2, 3, "fill"), (3, 2, "cover"), (2, 2, "cover")]
                ],
            }
        )
    return cases


def tensor_cases(random) -> list:
    pixels = picture(random, 7, 5)
    shown = area_resize(SHOWN[6](pixels), 3, 4, "cover")
    normalised = (shown / 255 - MEAN) / STD
    rounded = np.floor(shown + 0.5)
    values = {"FP32": normalised.astype(np.float32).astype(np.float64), "UINT8": rounded}
    return [
        {
            "datatype": datatype,
            "layout": layout,
            "source": described(pixels),
            "orientation": 6,
            "preprocessing": {"width": 3, "height": 4, "fit": "cover", "mean": MEAN, "std": STD},
            "shape": [1, 3, 4, 3] if layout == "NCHW" else [1, 4, 3, 3],
            "expected": (value.transpose(2, 0, 1) if layout == "NCHW" else value).ravel().tolist(),
        }
        for datatype, value in values.items()
        for layout in ("NCHW", "NHWC")
    ]


if __name__ == "__main__":
    main()

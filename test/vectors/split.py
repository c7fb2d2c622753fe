"""Golden vectors of test/shared/split: the quantiser, from the trainer's own code, which the tail is trained on.

Written with Python 3.11 and torch 2.13.0; the version that made the JSON is in it. In the trainer's environment
(models/training/README.md):

    python test/vectors/split.py

Features, ranges and codes are little-endian bytes in base64: float32 [C,H,W], float32 [C,2], uint8 [C,H,W].
"""

import base64
import json
import platform
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "training"))

from spillway_training.quantise import channel_ranges, dequantise, quantise  # noqa: E402

SEED = 20261120
SHAPE = (6, 3, 5)
OUTPUT = Path(__file__).with_suffix(".json")


def main() -> None:
    vectors = {
        "made": {
            "by": "test/vectors/split.py",
            "seed": SEED,
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
        "shape": SHAPE,
        "quantiser": [case(name, features) for name, features in feature_maps().items()],
    }
    OUTPUT.write_text(json.dumps(vectors, allow_nan=False) + "\n")


def feature_maps() -> dict[str, torch.Tensor]:
    torch.manual_seed(SEED)
    normal = torch.randn(SHAPE)
    uniform = torch.rand(SHAPE)
    channel = torch.arange(SHAPE[0])[:, None, None]
    steps = torch.randint(0, 511, SHAPE)
    steps[:, 0, 0], steps[:, 0, 1] = 0, 510
    return {
        "normal": normal,
        "after a ReLU": normal.relu() * 3,
        "far from 0": normal + 1000,
        "negative": -uniform - 0.5,
        "one value": (channel * 0.37 - 1).expand(SHAPE).clone(),
        "one value but for one": torch.where(uniform == uniform.amax((1, 2), keepdim=True), 1.0, 0.0),
        "halves of a step": steps / 2,
        "range of one step of a half": 1 + uniform * 2.0**-10,
        "all rounds to one half": 1 + uniform * 2.0**-13,
        "beyond the halves": normal * 1e5,
        "huge": normal * 1e38,
        "at the largest half": torch.where(uniform > 0.5, 65519.0, -65504.0) * uniform,
        "tiny": normal * 1e-6,
        "subnormal halves": normal * 2.0**-22,
        "below the halves": normal * 1e-8,
        "subnormal": normal * 1e-41,
        "every scale": normal * 10.0 ** (channel * 2 - 6).float(),
        "zeros of both signs": torch.where(uniform > 0.5, 0.0, -0.0),
    }


def case(name: str, features: torch.Tensor) -> dict[str, object]:
    batch = features.float()[None]
    # A zero's sign says nothing, and which of two zeros is the smaller is for none to say.
    ranges = channel_ranges(batch) + 0.0
    levels = {bits: torch.tensor([2.0**bits - 1]) for bits in (1, 2, 4, 8)}
    codes = {bits: quantise(batch, ranges, level) for bits, level in levels.items()}
    return {
        "name": name,
        "features": text(batch),
        "ranges": text(ranges),
        "coded": [
            {"bits": bits, "codes": text(codes[bits]), "features": text(dequantise(codes[bits], ranges, level))}
            for bits, level in levels.items()
        ],
    }


def text(tensor: torch.Tensor) -> str:
    return base64.b64encode(tensor.contiguous().numpy().tobytes()).decode()


if __name__ == "__main__":
    main()

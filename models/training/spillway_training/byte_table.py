"""What an offloaded image costs on the wire and how well it is then classified: features at each setting of the
tail, against the same image as JPEG or WebP of falling quality for the large network.

Bytes are means over the images: of features, the packed codes with a 16-bit range for each channel, as they are and
deflated; of pictures, the whole file. Accuracies are of the report half.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image
from torch import Tensor

from .data import Dataset
from .evaluate import top1
from .manifest import read_manifest
from .quantise import channel_ranges, quantise
from .run_model import BATCH, OpenModel, setting_name
from .split import split_indices

QUALITIES = (5, 10, 20, 35, 50, 65, 80, 90)
BYTES_A_RANGE = 4


def measure_bytes(folder: Path, data: Dataset, split_seed: int) -> list[dict[str, Any]]:
    manifest = read_manifest(folder)
    model = OpenModel(folder, manifest)
    report_half = data.validation.select(split_indices(len(data.validation), split_seed).report)
    rows = feature_rows(model, report_half.images, report_half.labels.numpy())
    for form in ("JPEG", "WEBP"):
        for quality in QUALITIES:
            rows.append(picture_row(model, form, quality, report_half.images, report_half.labels.numpy()))
    return rows


def feature_rows(model: OpenModel, images: Tensor, labels: numpy.ndarray) -> list[dict[str, Any]]:
    tail = model.manifest["cloud"]["tail"]
    logits: dict[str, list[numpy.ndarray]] = {}
    deflated: dict[str, list[int]] = {}
    for batch in images.split(BATCH):
        maps = model.run_stages(batch)[1]
        features = torch.from_numpy(maps[tail["features"]])
        for name, part in model.run_tail(maps).items():
            logits.setdefault(name, []).append(part)
        for setting in tail["settings"]:
            for codes in pack_codes(features, setting):
                deflated.setdefault(setting_name(setting), []).append(len(zlib.compress(codes, 9)))
    return [
        {
            "sent": setting_name(setting),
            "bytes": setting["rawBytes"] + BYTES_A_RANGE * setting["channels"],
            "deflatedBytes": round(
                float(numpy.mean(deflated[setting_name(setting)])) + BYTES_A_RANGE * setting["channels"], 1
            ),
            "top1": round(top1(numpy.concatenate(logits[setting_name(setting)]), labels), 4),
            "n": len(labels),
        }
        for setting in tail["settings"]
    ]


def pack_codes(features: Tensor, setting: dict[str, int]) -> list[bytes]:
    """The codes of each image of a batch, the channels that are sent one after another, `bits` bits a code."""
    levels = torch.full((len(features),), 2 ** setting["bits"] - 1)
    codes = quantise(features, channel_ranges(features), levels)[:, : setting["channels"]].numpy()
    places = numpy.unpackbits(codes.reshape(len(codes), -1, 1), axis=2)[:, :, 8 - setting["bits"] :]
    return [numpy.packbits(image.ravel()).tobytes() for image in places]


def picture_row(model: OpenModel, form: str, quality: int, images: Tensor, labels: numpy.ndarray) -> dict[str, Any]:
    logits, sizes = [], []
    for batch in images.split(BATCH):
        files = [encode(image.numpy(), form, quality) for image in batch]
        sizes += [len(file) for file in files]
        decoded = numpy.stack([numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])
        logits.append(model.run_large(torch.from_numpy(decoded)))
    return {
        "sent": f"{form.lower()}-{quality}",
        "bytes": round(float(numpy.mean(sizes)), 1),
        "top1": round(top1(numpy.concatenate(logits), labels), 4),
        "n": len(labels),
    }


def encode(image: numpy.ndarray, form: str, quality: int) -> bytes:
    content = io.BytesIO()
    options = {"optimize": True} if form == "JPEG" else {"method": 6}
    Image.fromarray(image).save(content, form, quality=quality, **options)
    return content.getvalue()

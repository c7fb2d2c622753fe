"""What the teacher thinks of each view of the training images, computed once and kept beside the checkpoints.

All students of a recipe, and all rows of its tables, learn from the same few files: a forward pass of the teacher
costs more than a whole step of a student. One file a view, so that a killed run continues at the next one.
"""

from __future__ import annotations

import hashlib
import io
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .augmentation import normalise
from .checkpoint import Checkpoint, load_finished, run_folder, write_whole
from .fold import fold_normalisation
from .machine import computes_in_bfloat16
from .progress import Progress
from .recipe import Recipe
from .views import Views

BATCH = 500


class Teacher:
    """Its logits, float16 [N,classes] for each view; what a student sees in view v is judged by row v."""

    def __init__(self, logits: list[Tensor]) -> None:
        self.logits = logits

    def judge(self, view: int, chosen: Tensor) -> Tensor:
        """float32 [B,classes]: the logits of the images with the indices `chosen`, int64 [B]."""
        logits = self.logits[view]
        return logits[chosen.to(logits.device)].float()


def prepare_teacher(recipe: Recipe, network: nn.Module, views: Views, runs: Path, device: torch.device) -> Teacher:
    """The teacher's logits of all views, from their files where those are of this very teacher.

    `network` is an untrained one of the teacher's architecture. Raises TrainingError if the teacher is not trained.
    """
    checkpoint = load_finished(runs, recipe, recipe.teacher_kind)
    network.load_state_dict(checkpoint.network)
    # Folded: in evaluation mode for good, and faster.
    network = fold_normalisation(network).to(device, memory_format=torch.channels_last)
    origin = {"teacher": state_digest(checkpoint.network), "views": views.seed, "images": len(views.padded)}
    progress = Progress("teacher", views.count * -(-len(views.padded) // BATCH))
    logits = []
    for view in range(views.count):
        path = run_folder(runs, recipe) / "teacher" / f"view-{view:03}.pt"
        kept = load_view(path, origin)
        if kept is None:
            started = time.monotonic()
            kept = judge_view(network, checkpoint, views, view, device, progress)
            save_view(path, origin, kept, time.monotonic() - started)
        else:
            progress.skip(-(-len(views.padded) // BATCH))
        logits.append(kept.to(device))
    return Teacher(logits)


def judge_view(
    network: nn.Module, checkpoint: Checkpoint, views: Views, view: int, device: torch.device, progress: Progress
) -> Tensor:
    parts = []
    for chosen in torch.arange(len(views.padded)).split(BATCH):
        images = normalise(views.images(view, chosen).to(device), checkpoint.mean, checkpoint.deviation)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=computes_in_bfloat16(device)):
            (logits,) = network(images)
        parts.append(logits.half().cpu())
        progress.step(f"view {view + 1} of {views.count}")
    return torch.cat(parts)


def state_digest(state: dict[str, Any]) -> str:
    """SHA-256 of a network's weights and statistics."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_view(path: Path, origin: dict[str, Any], logits: Tensor, seconds: float) -> None:
    content = io.BytesIO()
    torch.save({"origin": origin, "logits": logits, "seconds": seconds}, content)
    write_whole(path, content.getvalue())


def load_view(path: Path, origin: dict[str, Any]) -> Tensor | None:
    """The kept logits, or None where there are none, or those of another teacher or other views."""
    if not path.is_file():
        return None
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # cut short or damaged: it is computed again
        return None
    return kept["logits"] if kept.get("origin") == origin else None

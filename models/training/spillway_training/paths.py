"""Where things lie by default, resolved from this file so that no absolute path is written anywhere."""

from pathlib import Path

TRAINING_FOLDER = Path(__file__).resolve().parents[1]
REPOSITORY = TRAINING_FOLDER.parents[1]
DEFAULT_DATA = REPOSITORY.parent / "shared" / "data" / "cifar100"
DEFAULT_RUNS = TRAINING_FOLDER / "runs"
WEIGHTS = TRAINING_FOLDER / "weights"
DEFAULT_MODEL = REPOSITORY / "models" / "cifar100"

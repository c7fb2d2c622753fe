"""Bad input ends with one clear line on stderr, a non-zero status and no traceback."""

import subprocess
import sys

import pytest
from PIL import Image
from spillway_training.command_line import main
from spillway_training.paths import TRAINING_FOLDER


def failure(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) != 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_missing_recipe(tmp_path, capsys):
    assert "none.json" in failure(capsys, "train", "edge", tmp_path / "none.json")


def test_bad_recipe(tmp_path, capsys):
    (tmp_path / "bad.json").write_text('{"name": "bad"}', encoding="utf-8")
    assert "missing field seed" in failure(capsys, "all", tmp_path / "bad.json")


def test_missing_data_folder(tmp_path, recipe_file, capsys):
    line = failure(capsys, "train", "edge", recipe_file, "--data", tmp_path / "nowhere", "--runs", tmp_path)
    assert "data folder not found" in line and "--data" in line


def test_wrong_size_option(recipe_file, data_folder, capsys):
    assert "--size" in failure(capsys, "train", "edge", recipe_file, "--data", data_folder, "--size", "32")


def test_student_before_its_teacher(tmp_path, data_folder, recipe_file, capsys):
    line = failure(capsys, "train", "edge", recipe_file, "--data", data_folder, "--runs", tmp_path)
    assert "large is not trained" in line


def test_teacher_that_the_recipe_does_not_have(tmp_path, data_folder, recipe_file, capsys):
    line = failure(capsys, "train", "teacher", recipe_file, "--data", data_folder, "--runs", tmp_path)
    assert "no teacher beside its large network" in line


def test_full_disk(tmp_path, data_folder, recipe_file, capsys):
    """/dev/full refuses every byte, as a full disk does."""
    run = tmp_path / "tiny-seed-0"
    run.mkdir()
    (run / "large.partial").symlink_to("/dev/full")
    options = ["--data", str(data_folder), "--runs", str(tmp_path)]
    assert main(["train", "large", str(recipe_file), *options]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"spillway_training: {run / 'large.pt'}: No space left on device"


def test_wrong_mosaic_size(tmp_path, recipe_file, capsys):
    Image.new("RGB", (3200, 40)).save(tmp_path / "train-0.webp", lossless=True)
    assert "got 3200x40" in failure(capsys, "train", "edge", recipe_file, "--data", tmp_path, "--runs", tmp_path)


def test_export_before_training(tmp_path, data_folder, recipe_file, capsys):
    line = failure(capsys, "export", recipe_file, "--data", data_folder, "--runs", tmp_path, "--model", tmp_path)
    assert "edge is not trained" in line


def test_evaluation_without_a_model(tmp_path, data_folder, recipe_file, capsys):
    line = failure(capsys, "evaluate", recipe_file, "--data", data_folder, "--model", tmp_path)
    assert "manifest not readable" in line


@pytest.mark.parametrize(("option", "value"), [("--seed", "-1"), ("--device", "abacus")])
def test_bad_option(tmp_path, recipe_file, capsys, option, value):
    assert option in failure(capsys, "train", "edge", recipe_file, option, value, "--runs", tmp_path)


def test_no_traceback_from_the_module_itself(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "spillway_training", "train", "edge", "--data", str(tmp_path / "nowhere")],
        cwd=TRAINING_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == "" and len(result.stderr.splitlines()) == 1

"""The table that measures an exported model: early exits."""

import json

import numpy
import pytest
from spillway_training.command_line import main
from spillway_training.exit_table import Judged, choose_thresholds, judge, leave

COSTS = numpy.array([10.0, 20.0, 40.0])


def random_exits(count=400):
    """Three exits, each better than the one before it; an exit is mostly right where it is sure."""
    random = numpy.random.default_rng(1)
    labels = random.integers(0, 5, count)
    logits = [random.normal(size=(count, 5)) + gain * numpy.eye(5)[labels] for gain in (1.0, 2.0, 3.0)]
    return judge(logits, labels)


def test_images_leave_at_the_first_exit_that_is_sure():
    confidence = numpy.array([[0.9, 0.2, 0.2, 0.5], [0.1, 0.8, 0.3, 0.9], [0.1, 0.1, 0.1, 0.1]])
    right = numpy.array([[True, False, False, False], [False, True, False, True], [False, False, True, True]])
    left = leave(Judged(confidence, right), [0.5, 0.6], COSTS)
    assert left.leaving == [0.5, 0.25, 0.25]
    assert left.cost == pytest.approx((10 + 20 + 40 + 10) / 4) and left.accuracy == 0.75


@pytest.mark.parametrize("share", [1 / 3, 1 / 2, 2 / 3])
def test_chosen_thresholds_keep_to_the_cost_and_beat_leaving_blindly(share):
    judged = random_exits()
    result = leave(judged, choose_thresholds(judged, COSTS, share), COSTS)
    assert result.cost <= share * 40
    at_first, at_last = judged.right[0].mean(), judged.right[2].mean()
    blind = at_first + (at_last - at_first) * (result.cost - 10) / 30
    assert result.accuracy > blind


def test_where_nothing_is_cheap_enough_everything_leaves_at_once():
    judged = random_exits()
    assert leave(judged, choose_thresholds(judged, COSTS, 0.1), COSTS).leaving == [1, 0, 0]


def test_table_of_an_exported_model(data_folder, recipe_file, tmp_path, capsys):
    options = ["--data", str(data_folder), "--runs", str(tmp_path), "--model", str(tmp_path / "model")]
    assert main(["all", str(recipe_file), *options]) == 0
    capsys.readouterr()
    assert main(["table", "exits", str(recipe_file), *options]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["costShareAllowed"] for row in rows] == [0.333, 0.5, 0.667, 1]
    assert all(row["n"] == 100 and sum(row["leaving"]) == pytest.approx(1, abs=0.01) for row in rows)

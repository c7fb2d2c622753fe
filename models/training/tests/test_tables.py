"""The tables run on a short schedule, continue where they stopped, and say what was measured."""

import json
from dataclasses import replace

import pytest
from conftest import tiny_recipe_value
from spillway_training import tables
from spillway_training.command_line import main
from spillway_training.read_recipe import parse_recipe
from spillway_training.tables import distillation_rows, tail_rows


def test_rows_differ_from_one_another_in_one_thing_only():
    recipe = parse_recipe(tiny_recipe_value())
    rows = distillation_rows(recipe)
    assert len(rows) == 12
    assert rows["none-joint"].edge.distillation == ()
    assert rows["js-deepest-first"].edge.strategy == "deepest-first"
    assert {own.distance for own in rows["js-deepest-first"].edge.distillation} == {"js"}
    assert len({row.edge.epochs for row in rows.values()}) == 1
    tails = tail_rows(replace(recipe, tail=replace(recipe.tail, epochs=19)))
    # Six separate ones take as long as the recipe's own.
    assert {row.tail.epochs for row in tails.values()} == {3}
    assert [row.tail.only for name, row in tails.items() if name.startswith("only")] == [0, 5, 8, 10, 13, 19]
    assert tails["without-clusters"].tail.cluster_count == 0
    assert tails["without-distillation"].tail.distillation == ()


@pytest.mark.parametrize(("table", "models"), [("distillation", 3), ("tail", 6)])
def test_table_measures_every_row_and_trains_none_twice(
    table, models, tmp_path_factory, data_folder, recipe_file, capsys, monkeypatch
):
    monkeypatch.setattr(tables, "EDGE_EPOCHS", 3)
    runs = tmp_path_factory.mktemp("tables")
    options = [str(recipe_file), "--data", str(data_folder), "--runs", str(runs)]
    for network in ("large", "edge", "tail-start", "tail"):
        assert main(["train", network, *options]) == 0
    capsys.readouterr()
    assert main(["table", table, *options]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == (12 if table == "distillation" else 10)
    assert len(rows[0]["top1"]) == models and rows[0]["n"] == {"calibration": 100, "report": 100}
    assert all(0 <= half <= 1 for row in rows for halves in row["top1"].values() for half in halves.values())

    assert main(["table", table, *options]) == 0
    again = capsys.readouterr()
    assert json.loads(again.out) == rows and "step" not in again.err

import json
from dataclasses import replace

import pytest
from conftest import TINY_DISTILLATION, tiny_recipe_value
from spillway_training.errors import TrainingError
from spillway_training.paths import TRAINING_FOLDER
from spillway_training.read_recipe import parse_recipe, read_recipe
from spillway_training.recipe import fingerprint


@pytest.mark.parametrize("path", sorted((TRAINING_FOLDER / "recipes").glob("*.json")), ids=lambda path: path.name)
def test_shipped_recipes_are_valid_and_named_after_their_file(path):
    assert read_recipe(path).name == path.stem


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Not A Name"}, "name: expected lower-case"),
        ({"seed": -1}, "seed: expected a whole number from 0"),
        ({"splitSeed": "1"}, "splitSeed: expected a whole number"),
        ({"extra": 1}, "unknown field extra"),
        ({"edge": 3}, "edge: expected an object, got 3"),
        ({"edge": {"width": 8}}, "edge: missing field epochs"),
        ({"edge": {**tiny_recipe_value()["edge"], "epochs": 0}}, "edge.epochs: expected a whole number from 1"),
        ({"edge": {**tiny_recipe_value()["edge"], "epochs": 1.5}}, "got 1.5"),
        ({"edge": {**tiny_recipe_value()["edge"], "momentum": float("nan")}}, "edge.momentum: expected a number"),
        ({"edge": {**tiny_recipe_value()["edge"], "exitLossWeights": [1]}}, "expected 3 numbers"),
        ({"large": {**tiny_recipe_value()["large"], "batchSize": True}}, "large.batchSize: expected a whole number"),
        ({"edge": {**tiny_recipe_value()["edge"], "strategy": "sideways"}}, "edge.strategy: expected one of joint"),
        (
            {"edge": {**tiny_recipe_value()["edge"], "strategy": "shallowest-first", "epochs": 2}},
            "edge.epochs: expected at least 3",
        ),
        ({"edge": {**tiny_recipe_value()["edge"], "distillation": [{}]}}, "edge.distillation: expected 3 objects"),
        ({"tail": {**tiny_recipe_value()["tail"], "distillation": [{}]}}, "tail.distillation: missing field distance"),
        (
            {"tail": tiny_recipe_value()["tail"] | {"distillation": [{**TINY_DISTILLATION, "distance": "l2"}]}},
            "tail.distillation.distance: expected one of kl, js, wasserstein, got 'l2'",
        ),
        ({"tail": {**tiny_recipe_value()["tail"], "width": 16}}, "tail.width: expected 8, that of tailStart, got 16"),
        ({"tail": {**tiny_recipe_value()["tail"], "only": 20}}, "tail.only: expected a whole number from 0 to 19"),
        ({"tailStart": {**tiny_recipe_value()["tailStart"], "cutmix": 0.5}}, "tailStart.cutmix: expected 0"),
        ({"tail": {**tiny_recipe_value()["tail"], "cutmix": 0.5}}, "tail.cutmix: expected 0"),
        ({"views": 0}, "views: expected a whole number from 1"),
    ],
)
def test_wrong_field_is_named(change, message):
    with pytest.raises(TrainingError, match=message):
        parse_recipe(tiny_recipe_value() | change)


def test_missing_field_is_named():
    value = tiny_recipe_value()
    del value["large"]
    with pytest.raises(TrainingError, match="missing field large"):
        parse_recipe(value)


def test_unreadable_recipe_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"none\.json"):
        read_recipe(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"bad\.json: not valid JSON"):
        read_recipe(tmp_path / "bad.json")
    (tmp_path / "list.json").write_text(json.dumps([]), encoding="utf-8")
    with pytest.raises(TrainingError, match=r"list\.json: recipe: expected an object"):
        read_recipe(tmp_path / "list.json")


def test_fingerprint_follows_what_shapes_the_weights_and_nothing_else(recipe):
    alone = replace(recipe, edge=replace(recipe.edge, distillation=()))
    other_large = {"large": replace(recipe.large, epochs=9)}
    assert fingerprint(replace(recipe, split_seed=7, name="other"), "edge") == fingerprint(recipe, "edge")
    assert fingerprint(replace(alone, **other_large), "edge") == fingerprint(alone, "edge")
    assert fingerprint(replace(recipe, **other_large), "edge") != fingerprint(recipe, "edge"), "its teacher is another"
    assert fingerprint(replace(recipe, seed=7), "edge") != fingerprint(recipe, "edge")
    assert fingerprint(replace(recipe, views=7), "edge") != fingerprint(recipe, "edge")
    assert fingerprint(replace(recipe, views=7), "large") == fingerprint(recipe, "large")
    longer = replace(recipe, edge=replace(recipe.edge, epochs=9))
    assert fingerprint(longer, "edge") != fingerprint(recipe, "edge")
    assert fingerprint(longer, "tail") != fingerprint(recipe, "tail"), "its stem is another"


def test_teacher_and_training_images_may_be_left_open():
    value = tiny_recipe_value()
    assert parse_recipe(value | {"trainingImages": None}).training_images is None
    assert parse_recipe(value).teacher_kind == "large"
    with_teacher = parse_recipe(value | {"teacher": value["large"]})
    assert with_teacher.teacher_kind == "teacher" and with_teacher.network("teacher") == with_teacher.large

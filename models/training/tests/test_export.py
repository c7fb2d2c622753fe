"""The exported files against PyTorch, and the manifest against the files."""

import hashlib
import json

import numpy
import onnx
import pytest
import torch
from conftest import synthetic_images
from spillway_training.augmentation import normalise
from spillway_training.checkpoint import load_finished
from spillway_training.command_line import main
from spillway_training.evaluate import open_graph, run_graph
from spillway_training.recipe import read_recipe
from spillway_training.train import build_network

FILES = ["stage-1.onnx", "stage-2.onnx", "stage-3.onnx", "large.onnx"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_folder, recipe_file):
    """One run of the whole recipe: where its checkpoints and its model folder are."""
    folder = tmp_path_factory.mktemp("trained")
    runs, model = folder / "runs", folder / "model"
    options = ["--data", str(data_folder), "--runs", str(runs), "--model", str(model)]
    assert main(["all", str(recipe_file), *options]) == 0
    return runs, model


@pytest.fixture(scope="module")
def images():
    return torch.from_numpy(synthetic_images(5, seed=6))


def load_network(runs, recipe, kind):
    checkpoint = load_finished(runs, recipe, kind)
    network = build_network(kind, recipe.network(kind))
    network.load_state_dict(checkpoint.network)
    return network.eval(), checkpoint


def test_each_stage_agrees_with_pytorch(trained, recipe_file, images):
    runs, model = trained
    network, checkpoint = load_network(runs, read_recipe(recipe_file), "edge")
    features = normalise(images, checkpoint.mean, checkpoint.deviation).contiguous()
    input_name = "image"
    for number, stage in enumerate(network.stages, start=1):
        outputs = run_graph(open_graph(model / f"stage-{number}.onnx"), input_name, features.numpy())
        with torch.no_grad():
            features, logits = stage(features)
        numpy.testing.assert_allclose(outputs["logits"], logits, atol=1e-4)
        input_name = f"features{number}"
        assert set(outputs) == ({"logits", input_name} if number < 3 else {"logits"})
        if number < 3:
            numpy.testing.assert_allclose(outputs[input_name], features, atol=1e-4)


def test_large_graph_takes_raw_bytes_and_agrees_with_pytorch(trained, recipe_file, images):
    runs, model = trained
    network, checkpoint = load_network(runs, read_recipe(recipe_file), "large")
    outputs = run_graph(open_graph(model / "large.onnx"), "image", images.numpy())
    with torch.no_grad():
        (logits,) = network(normalise(images, checkpoint.mean, checkpoint.deviation))
    numpy.testing.assert_allclose(outputs["logits"], logits, atol=1e-4)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_batch_dimension_is_free(trained, file, batch):
    session = open_graph(trained[1] / file)
    (value,) = session.get_inputs()
    assert value.shape[0] == "batch"
    example = numpy.zeros([batch, *value.shape[1:]], numpy.uint8 if file == "large.onnx" else numpy.float32)
    for output in run_graph(session, value.name, example).values():
        assert output.shape[0] == batch


@pytest.mark.parametrize("file", FILES)
def test_graph_is_self_contained_and_without_normalisation_nodes(trained, file):
    model = onnx.load(trained[1] / file, load_external_data=False)
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    assert all(weights.data_location == onnx.TensorProto.DEFAULT for weights in model.graph.initializer)
    assert 17 <= model.opset_import[0].version <= 20
    assert b".py" not in (trained[1] / file).read_bytes()


def test_manifest_describes_the_files(trained):
    folder = trained[1]
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert text == json.dumps(manifest, indent=2) + "\n"
    described = [*manifest["edge"]["stages"], manifest["cloud"]["large"]]
    assert [entry["file"] for entry in described] == FILES
    for entry in described:
        content = (folder / entry["file"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["multiplyAdds"] > 0 and entry["parameters"] > 0
    for stage in manifest["edge"]["stages"][:2]:
        outputs = {output.name: output.shape[1:] for output in open_graph(folder / stage["file"]).get_outputs()}
        assert outputs[stage["features"]["name"]] == stage["features"]["shape"]
    assert len(manifest["labels"]) == 100
    assert manifest["training"]["seconds"] >= 0 and "500 images" in manifest["training"]["dataset"]


def test_accuracy_is_measured_on_the_report_half(trained):
    manifest = json.loads((trained[1] / "manifest.json").read_text(encoding="utf-8"))
    assert [entry["model"] for entry in manifest["accuracy"]] == ["exit-1", "exit-2", "exit-3", "large"]
    for entry in manifest["accuracy"]:
        assert entry["n"] == 100  # half of the 200 synthetic validation images
        assert 0 <= entry["top1"] <= 1
    assert manifest["accuracy"][3]["top1"] > 0.05  # chance is 0.01


def test_whole_recipe_run_again_trains_nothing_and_writes_the_same_files(trained, data_folder, recipe_file, capsys):
    runs, model = trained
    before = {file: (model / file).read_bytes() for file in [*FILES, "manifest.json"]}
    options = ["--data", str(data_folder), "--runs", str(runs), "--model", str(model)]
    assert main(["all", str(recipe_file), *options]) == 0
    assert "step" not in capsys.readouterr().err
    assert {file: (model / file).read_bytes() for file in before} == before

"""The exported files against PyTorch, and the manifest against the files."""

import hashlib
import json
import shutil

import numpy
import onnx
import pytest
import torch
from conftest import synthetic_images
from spillway_training.augmentation import normalise
from spillway_training.build import build_network
from spillway_training.checkpoint import load_finished
from spillway_training.command_line import main
from spillway_training.fold import fold_normalisation
from spillway_training.graphs import round_to_half
from spillway_training.quantise import channel_ranges, quantise
from spillway_training.read_recipe import read_recipe
from spillway_training.run_model import open_graph, run_graph
from spillway_training.tail_learner import compress_features

FILES = ["stage-1.onnx", "stage-2.onnx", "stage-3.onnx", "large.onnx", "tail.onnx"]


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
    network = build_network(kind, recipe, 100)
    network.load_state_dict(checkpoint.network)
    return network.eval(), checkpoint


def test_each_stage_agrees_with_pytorch(trained, recipe_file, images):
    runs, model = trained
    network, checkpoint = load_network(runs, read_recipe(recipe_file), "edge")
    features = normalise(images, checkpoint.mean, checkpoint.deviation).contiguous()
    input_name = "image"
    for number, stage in enumerate(network.stages, start=1):
        outputs = run_graph(open_graph(model / f"stage-{number}.onnx"), {input_name: features.numpy()})
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
    outputs = run_graph(open_graph(model / "large.onnx"), {"image": images.numpy()})
    image = normalise(images, checkpoint.mean, checkpoint.deviation)
    rounded = fold_normalisation(network)
    round_to_half(rounded)
    with torch.no_grad():
        (logits,), (unrounded,) = rounded(image), network(image)
    numpy.testing.assert_allclose(outputs["logits"], logits, atol=1e-4)
    # What 16 bits cost.
    numpy.testing.assert_allclose(outputs["logits"], unrounded, atol=0.02)


def test_tail_graph_takes_codes_of_mixed_settings_and_agrees_with_pytorch(trained, recipe_file):
    runs, model = trained
    network, _ = load_network(runs, read_recipe(recipe_file), "tail")
    round_to_half(rounded := fold_normalisation(network))
    count = len(network.settings)
    features = torch.relu(torch.randn(count, 8, 16, 16, generator=torch.Generator().manual_seed(4)))
    setting = torch.arange(count)
    ranges = channel_ranges(features)
    # Channels that are not sent hold codes here: the graph has to pass them over.
    codes = quantise(features, ranges, network.levels[setting])
    feeds = {"codes": codes.numpy(), "ranges": ranges.numpy(), "setting": setting[:, None].numpy()}
    outputs = run_graph(open_graph(model / "tail.onnx"), feeds)
    with torch.no_grad():
        sent = compress_features(network, features, setting)
        logits, unrounded = rounded(sent, setting), network(sent, setting)
    numpy.testing.assert_allclose(outputs["logits"], logits, atol=1e-4)
    numpy.testing.assert_allclose(outputs["logits"], unrounded, atol=0.02)


DATATYPES = {"tensor(float)": numpy.float32, "tensor(uint8)": numpy.uint8, "tensor(int64)": numpy.int64}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_batch_dimension_is_free(trained, file, batch):
    session = open_graph(trained[1] / file)
    feeds = {}
    for value in session.get_inputs():
        assert value.shape[0] == "batch"
        feeds[value.name] = numpy.zeros([batch, *value.shape[1:]], DATATYPES[value.type])
    for output in run_graph(session, feeds).values():
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
    tail = manifest["cloud"]["tail"]
    described = [*manifest["edge"]["stages"], manifest["cloud"]["large"], tail]
    assert [entry["file"] for entry in described] == FILES
    for entry in described:
        content = (folder / entry["file"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["multiplyAdds"] > 0 and entry["parameters"] > 0
    for stage in manifest["edge"]["stages"][:2]:
        outputs = {output.name: output.shape[1:] for output in open_graph(folder / stage["file"]).get_outputs()}
        assert outputs[stage["features"]["name"]] == stage["features"]["shape"]
    assert [each.name for each in open_graph(folder / tail["file"]).get_inputs()] == [
        each["name"] for each in tail["inputs"].values()
    ]
    assert tail["features"] == manifest["edge"]["stages"][0]["features"]["name"]
    assert tail["settings"][0] == {"channels": 1, "bits": 1, "rawBytes": 32}
    assert tail["settings"][-1] == {"channels": 8, "bits": 8, "rawBytes": 2048}
    assert manifest["name"] == "model" and len(manifest["labels"]) == 100
    assert manifest["training"]["seconds"] >= 0 and "500 images" in manifest["training"]["dataset"]


def test_model_without_a_tail(trained, data_folder, recipe_file, tmp_path):
    options = ["--data", str(data_folder), "--runs", str(trained[0]), "--model", str(tmp_path), "--no-tail"]
    assert main(["export", str(recipe_file), *options]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES[:4], "manifest.json"])
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["cloud"]["tail"] is None
    assert [entry["model"] for entry in manifest["accuracy"]] == ["exit-1", "exit-2", "exit-3", "large"]


def test_accuracy_is_measured_on_the_report_half(trained):
    manifest = json.loads((trained[1] / "manifest.json").read_text(encoding="utf-8"))
    names = [entry["model"] for entry in manifest["accuracy"]]
    settings = [f"tail-{each['channels']}x{each['bits']}" for each in manifest["cloud"]["tail"]["settings"]]
    assert names == ["exit-1", "exit-2", "exit-3", "large", *settings]
    for entry in manifest["accuracy"]:
        assert entry["n"] == 100 and 0 <= entry["top1"] <= 1
        assert "report half" in entry["dataset"]


def test_evaluate_keeps_all_logits_for_the_tools(trained, data_folder, recipe_file, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(trained[1], model)
    options = ["--data", str(data_folder), "--model", str(model), "--logits", str(tmp_path / "logits.npz")]
    assert main(["evaluate", str(recipe_file), *options]) == 0
    kept = numpy.load(tmp_path / "logits.npz")
    text = (model / "manifest.json").read_bytes()
    manifest = json.loads(text)
    names = [entry["model"].replace("exit-", "exit") for entry in manifest["accuracy"]]
    assert set(kept.files) == {*names, "labels", "meta"}
    assert kept["labels"].dtype == numpy.int64 and kept["labels"].tolist() == [*range(100), *range(100)]
    assert all(kept[name].dtype == numpy.float32 and kept[name].shape == (200, 100) for name in names)
    meta = json.loads("".join(map(chr, kept["meta"])))
    assert meta["modelHash"] == hashlib.sha256(text).hexdigest() and meta["evaluationVersion"] == 1


def test_own_data_of_other_size_and_classes_goes_the_whole_way(tmp_path, capsys):
    """Three classes of 24x16 images, told apart by colour."""
    from conftest import tiny_recipe_value

    random = numpy.random.default_rng(1)
    labels = numpy.arange(300) % 3
    images = random.integers(0, 60, (300, 16, 24, 3))
    images[numpy.arange(300), :, :, labels] += 150
    numpy.savez(tmp_path / "colours.npz", images=images.astype(numpy.uint8), labels=labels)
    value = tiny_recipe_value() | {"trainingImages": None}
    value["edge"]["epochs"] = 8
    (tmp_path / "own.json").write_text(json.dumps(value | {"name": "own"}), encoding="utf-8")
    options = ["--data", str(tmp_path / "colours.npz"), "--runs", str(tmp_path), "--model", str(tmp_path / "My model")]
    assert main(["all", str(tmp_path / "own.json"), *options]) == 0
    manifest = json.loads((tmp_path / "My model" / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["name"], manifest["labels"]) == ("my-model", ["0", "1", "2"])
    size = manifest["edge"]["preprocessing"]
    assert (size["width"], size["height"]) == (24, 16)
    accuracy = {entry["model"]: entry["top1"] for entry in json.loads(capsys.readouterr().out)}
    assert accuracy["exit-3"] == accuracy["large"] == 1


def test_whole_recipe_run_again_trains_nothing_and_writes_the_same_files(trained, data_folder, recipe_file, capsys):
    runs, model = trained
    before = {file: (model / file).read_bytes() for file in [*FILES, "manifest.json"]}
    options = ["--data", str(data_folder), "--runs", str(runs), "--model", str(model)]
    assert main(["all", str(recipe_file), *options]) == 0
    assert "step" not in capsys.readouterr().err
    assert {file: (model / file).read_bytes() for file in before} == before

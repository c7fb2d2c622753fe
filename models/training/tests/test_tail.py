"""The switchable tail: its statistics, its clusters and its training."""

import json
from dataclasses import replace

import numpy
import pytest
import torch
from spillway_training.batches import Batch
from spillway_training.build import build_network
from spillway_training.checkpoint import load_finished
from spillway_training.cluster import EXTREME, cluster_settings
from spillway_training.command_line import main
from spillway_training.settings import list_settings
from spillway_training.tail_learner import Stem, TailLearner, compress_features
from spillway_training.tail_network import SwitchableNorm, TailNetwork
from spillway_training.train import train_network

CPU = torch.device("cpu")


@pytest.fixture
def norm():
    norm = SwitchableNorm(3, settings=4)
    norm.train()
    for setting in (1, 2):
        features = torch.randn(64, 3, 5, 5, generator=torch.Generator().manual_seed(setting)) * setting + 10 * setting
        for _ in range(100):
            norm(features, setting)
    return norm.eval()


def test_each_setting_learns_statistics_of_its_own(norm):
    torch.testing.assert_close(norm.running_mean[1], torch.full((3,), 10.0), atol=0.1, rtol=0)
    torch.testing.assert_close(norm.running_mean[2], torch.full((3,), 20.0), atol=0.1, rtol=0)
    torch.testing.assert_close(norm.running_var[2], torch.full((3,), 4.0), atol=0.4, rtol=0)
    assert torch.equal(norm.running_mean[[0, 3]], torch.zeros(2, 3))


def test_an_image_at_setting_s_is_normalised_by_the_statistics_of_s(norm):
    features = torch.full((3, 3, 2, 2), 20.0)
    result = norm(features, torch.tensor([0, 1, 2]))
    torch.testing.assert_close(result[0], features[0], atol=1e-3, rtol=0)
    assert (result[1] > 8).all()
    torch.testing.assert_close(result[2], torch.zeros(3, 2, 2), atol=0.1, rtol=0)


def test_one_setting_for_all_is_the_same_as_naming_it_for_each(norm):
    features = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(norm(features, 2), norm(features, torch.full((4,), 2)), atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match="one setting for the whole batch"):
        norm.train()(features, torch.full((4,), 2))


def test_batch_may_mix_settings():
    network = with_random_statistics(TailNetwork(10, 8, 8, list_settings(8))).eval()
    features = torch.rand(4, 8, 4, 4, generator=torch.Generator().manual_seed(3))
    settings = torch.tensor([0, 5, 11, 2])
    with torch.no_grad():
        together = network(features, settings)
        for index in range(4):
            alone = network(features[index : index + 1], settings[index : index + 1])
            torch.testing.assert_close(alone[0], together[index], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(together[0], network(features[:1], torch.tensor([7]))[0], atol=1e-3)


def with_random_statistics(network):
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, SwitchableNorm):
            module.running_mean.copy_(torch.randn(module.running_mean.shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
    return network


def test_channels_that_are_not_sent_are_zero_and_the_others_near():
    network = TailNetwork(10, 8, 8, list_settings(8))
    features = torch.rand(2, 8, 4, 4, generator=torch.Generator().manual_seed(3)) + 1
    index = next(index for index, setting in enumerate(network.settings) if (setting.channels, setting.bits) == (2, 4))
    sent = compress_features(network, features, torch.tensor([index, len(network.settings) - 1]))
    assert torch.equal(sent[0, 2:], torch.zeros(6, 4, 4))
    torch.testing.assert_close(sent[0, :2], features[0, :2], atol=0.5 / 15, rtol=0)
    torch.testing.assert_close(sent[1], features[1], atol=0.5 / 255, rtol=0)


def build_learner(recipe, **changes):
    settings = replace(recipe.tail, **changes)
    start = build_network("tail-start", recipe, 10).state_dict()
    stem = Stem(build_network("edge", recipe, 10), CPU)
    return TailLearner(build_network("tail", recipe, 10), start, stem, settings)


def test_every_step_trains_both_extremes_and_one_setting_of_each_cluster(recipe):
    learner = build_learner(recipe)
    last = len(learner.network.settings) - 1
    clusters = torch.arange(last + 1) % 3
    clusters[[0, last]] = EXTREME
    learner.network.clusters.copy_(clusters)
    generator = torch.Generator().manual_seed(1)
    drawn = [learner.draw_settings(generator) for _ in range(60)]
    assert all(each[0] == 0 and each[-1] == last for each in drawn)
    assert all([int(clusters[index]) for index in each[1:-1]] == [0, 1, 2] for each in drawn)
    assert {index for each in drawn for index in each} == set(range(last + 1))


def test_without_clusters_three_of_all_are_drawn(recipe):
    learner = build_learner(recipe, cluster_count=0)
    drawn = [learner.draw_settings(torch.Generator().manual_seed(seed)) for seed in range(40)]
    last = len(learner.network.settings) - 1
    assert all(len(set(each)) == 5 and each[0] == 0 and each[-1] == last for each in drawn)
    assert {index for each in drawn for index in each} == set(range(last + 1))


def test_settings_whose_gradients_point_alike_are_one_cluster():
    directions = numpy.array([[1, 0, 0], [1, 0.1, 0], [1, 0.12, 0], [0, 1, 0], [0, 1, 0.1], [0, 0, 1], [0, 0, 1]])
    directions = directions / numpy.linalg.norm(directions, axis=1, keepdims=True)
    assert cluster_settings(directions @ directions.T, 3) == [EXTREME, 0, 0, 1, 1, 2, EXTREME]
    assert max(cluster_settings(directions @ directions.T, 2)) == 1


def test_settings_all_alike_are_one_cluster():
    assert cluster_settings(numpy.ones((5, 5)), 3) == [EXTREME, 0, 0, 0, EXTREME]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_folder, recipe_file):
    runs = tmp_path_factory.mktemp("tail-runs")
    options = [str(recipe_file), "--data", str(data_folder), "--runs", str(runs)]
    for network in ("large", "edge", "tail-start", "tail"):
        assert main(["train", network, *options]) == 0
    return runs


def test_training_uses_all_settings_and_leaves_the_stem(trained, recipe):
    state = load_finished(trained, recipe, "tail")
    means = state.network["blocks.0.first.norm.running_mean"]
    assert len({tuple(row.tolist()) for row in means}) == len(means)
    clusters = state.network["clusters"].tolist()
    assert clusters[0] == clusters[-1] == EXTREME and min(clusters[1:-1]) == 0 and max(clusters) <= 2


def test_tail_does_not_move_the_stem(recipe):
    learner = build_learner(recipe)
    before = {name: value.clone() for name, value in learner.stem.body.state_dict().items()}
    learner.begin_epoch(0)
    batch = Batch(torch.randn(20, 3, 32, 32), torch.arange(20) % 10, torch.randn(20, 10))
    learner.step(batch, torch.Generator().manual_seed(1)).loss.backward()
    assert all(torch.equal(value, before[name]) for name, value in learner.stem.body.state_dict().items())
    assert all(parameter.grad is None for parameter in learner.stem.body.parameters())
    assert all(parameter.grad is not None for parameter in learner.network.parameters())


def test_cluster_command_says_which_settings_go_together(trained, recipe_file, data_folder, capsys):
    options = [str(recipe_file), "--data", str(data_folder), "--runs", str(trained)]
    assert main(["cluster", *options]) == 0
    result = json.loads(capsys.readouterr().out)
    count = len(result["settings"])
    assert result["clusters"][0] is None and set(result["clusters"][1:-1]) <= {0, 1, 2}
    similarity = numpy.array(result["similarity"])
    assert similarity.shape == (count, count)
    numpy.testing.assert_allclose(similarity, similarity.T, atol=1e-6)
    numpy.testing.assert_allclose(numpy.diag(similarity), 1, atol=1e-3)


def test_statistics_are_settled_as_the_mean_over_the_last_batches(recipe):
    learner = build_learner(recipe)
    learner.network.train()
    generator = torch.Generator().manual_seed(1)
    teacher = torch.zeros(20, 10)
    batches = [Batch(torch.randn(20, 3, 32, 32, generator=generator), torch.arange(20) % 10, teacher) for _ in range(3)]
    learner.finish(iter(batches))
    network, norm = learner.network, learner.network.blocks[0].first.norm
    index = 5
    means = []
    for batch in batches:
        features = learner.stem.read_features(batch).images
        sent = compress_features(network, features, torch.full((20,), index))
        means.append(network.blocks[0].first.convolution(sent).mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_mean[index], torch.stack(means).mean(0), atol=1e-5, rtol=1e-4)
    assert norm.momentum == norm.MOMENTUM


def test_tail_for_one_setting_learns_otherwise_than_for_another(recipe, training_images, trained):
    means = []
    for index in (0, 19):
        tail = replace(recipe.tail, epochs=1, only=index)
        row = replace(recipe, name=f"only-{index}", tail=tail)
        state = train_network("tail", row, training_images, trained, CPU, base=recipe)
        assert state.network["clusters"].eq(EXTREME).all()
        means.append(state.network["blocks.2.second.convolution.weight"])
    assert not torch.equal(*means)

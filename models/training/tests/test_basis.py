"""The basis of stage 1's features: it changes nothing that the network says, and puts first what counts."""

import pytest
import torch
from spillway_training.basis import Basis, hearing, second_moment, set_basis
from spillway_training.layers import ConvolutionNorm
from spillway_training.learners import EdgeLearner
from spillway_training.networks import EdgeNetwork
from test_networks import with_random_statistics

CHANNELS = 8


def random_features(images=40):
    """Channels that say much the same, as those of a network do."""
    generator = torch.Generator().manual_seed(1)
    causes = torch.randn(images, 3, 6, 6, generator=generator)
    mixed = torch.einsum("cs,nshw->nchw", torch.randn(CHANNELS, 3, generator=generator), causes)
    return torch.relu(mixed + 0.1 * torch.randn(images, CHANNELS, 6, 6, generator=generator))


@pytest.fixture
def readers():
    torch.manual_seed(2)
    pair = [ConvolutionNorm(CHANNELS, 5), ConvolutionNorm(CHANNELS, 4, kernel=1, stride=2)]
    return [with_random_statistics(reader) for reader in pair]


def heard_error(features, kept, weight):
    """What the readers miss where only the first channels are kept, as d' A d."""
    missing = features.clone()
    missing[:, :kept] = 0
    pixels = missing.movedim(1, -1).flatten(0, -2).double()
    return torch.einsum("pi,ij,pj->p", pixels, weight, pixels).mean()


def test_it_is_the_identity_until_it_is_set():
    features = random_features()
    torch.testing.assert_close(Basis(CHANNELS)(features), features)
    assert not list(Basis(CHANNELS).parameters())


def test_readers_say_what_they_said(readers):
    features, basis = random_features(), Basis(CHANNELS)
    before = [reader(features) for reader in readers]
    set_basis(basis, readers, features.split(10))
    assert not torch.allclose(basis(features), features, atol=1e-2)
    for reader, said in zip(readers, before, strict=True):
        torch.testing.assert_close(reader(basis(features)), said, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_first_components_lose_less_than_the_loudest_channels(readers, kept):
    features, basis = random_features(), Basis(CHANNELS)
    loudest = features[:, features.square().mean((0, 2, 3)).argsort(descending=True)]
    order = features.square().mean((0, 2, 3)).argsort(descending=True)
    by_channel = heard_error(loudest, kept, hearing(readers)[order][:, order])
    set_basis(basis, readers, [features])
    # The readers now read components: what they hear of a change is told by their new weights.
    assert heard_error(basis(features), kept, hearing(readers)) < 0.8 * by_channel


def test_components_fall_in_what_they_are_worth_and_keep_the_features_size(readers):
    features, basis = random_features(), Basis(CHANNELS)
    set_basis(basis, readers, [features])
    moment = second_moment([basis(features)])
    powers = moment.diagonal()
    assert (powers[:-1] >= powers[1:] - 1e-6).all()
    # Uncorrelated, as far as float32 can tell.
    torch.testing.assert_close(moment, torch.diag(powers), atol=1e-4 * powers[0].item(), rtol=0)
    torch.testing.assert_close(powers.sum(), second_moment([features]).trace(), rtol=1e-4, atol=0)


def test_without_features_there_is_none(readers):
    with pytest.raises(ValueError, match="at least one batch"):
        set_basis(Basis(CHANNELS), readers, [])


def test_finished_edge_network_says_what_it_said(recipe):
    network = with_random_statistics(EdgeNetwork(10, 8))
    images = torch.randn(20, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    before = network(images)
    EdgeLearner(network, recipe.edge).finish(iter([type("Batch", (), {"images": images})()]))
    for said, now in zip(before, network.eval()(images), strict=True):
        torch.testing.assert_close(now, said, atol=1e-3, rtol=1e-3)
    assert not torch.equal(network.stages[0].body[-1].weight[:, :, 0, 0], torch.eye(8))

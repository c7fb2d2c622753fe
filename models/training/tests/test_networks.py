"""What the networks of the shipped recipe may cost, and that folding and counting are right."""

import pytest
import torch
from spillway_training.cost import count_multiply_adds, count_parameters
from spillway_training.fold import fold_normalisation
from spillway_training.layers import ResidualBlock
from spillway_training.networks import EdgeNetwork, LargeNetwork
from spillway_training.settings import list_settings
from spillway_training.tail_network import TailNetwork
from torch import nn

IMAGE = torch.zeros(1, 3, 32, 32)


def with_random_statistics(network):
    """As after training: normalisation that does something."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight.data, module.running_var):
                values.copy_(0.5 + torch.rand(values.shape, generator=generator))
            for values in (module.bias.data, module.running_mean):
                values.copy_(torch.randn(values.shape, generator=generator))
    return network.eval()


def test_edge_network_keeps_to_its_budget():
    network = EdgeNetwork(100).eval()
    assert 50e6 <= count_multiply_adds(network, IMAGE) <= 60e6
    assert count_multiply_adds(network.stages[0], IMAGE) <= 15e6
    assert count_parameters(network.stages) <= 2.5e6
    assert [tuple(logits.shape) for logits in network(IMAGE)] == [(1, 100)] * 3


def test_large_network_keeps_to_its_budget():
    network = LargeNetwork(100).eval()
    assert 300e6 <= count_multiply_adds(network, IMAGE) <= 450e6
    assert count_parameters(network) <= 12e6


def test_multiply_adds_of_one_convolution_and_one_linear_layer():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(8 * 256, 10))
    assert count_multiply_adds(network, IMAGE) == 16 * 16 * 8 * 27 + 8 * 256 * 10
    with pytest.raises(ValueError, match="a batch of one image, got 2"):
        count_multiply_adds(network, torch.zeros(2, 3, 32, 32))


@pytest.mark.parametrize("network", [EdgeNetwork(100, 8), LargeNetwork(100, 8), ResidualBlock(3, 8, stride=2)])
def test_folding_leaves_no_normalisation_and_the_same_outputs(network):
    network = with_random_statistics(network)
    folded = fold_normalisation(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(folded(image), network(image), atol=1e-4, rtol=1e-4)


def test_tail_keeps_to_its_budget():
    network = TailNetwork(100, 32, 96, list_settings(32)).eval()
    features, setting = torch.zeros(1, 32, 16, 16), torch.zeros(1, dtype=torch.int64)
    assert 50e6 <= count_multiply_adds(network, features, setting) <= 100e6
    assert count_parameters(network) <= 3e6


@pytest.mark.parametrize(("classes", "size"), [(2, (16, 24)), (7, (48, 48)), (1000, (33, 31))])
def test_networks_take_any_number_of_classes_and_any_size(classes, size):
    image = torch.zeros(2, 3, *size)
    for network in (EdgeNetwork(classes, 8), LargeNetwork(classes, 8)):
        assert all(logits.shape == (2, classes) for logits in network.eval()(image))

"""The Q-network: a plain perceptron whose outputs are the values of all (token level, action) pairs at once.

Output level * 2 + action. The gradient is written out, and all parameters lie in one flat tensor, because at this
size autograd costs more than the arithmetic: 0.38 ms a batch against 0.80 ms with autograd and a fused Adam (96 inputs,
82 outputs, batches of 128, one thread of an Intel Xeon with AMX, best of five runs of 120 batches beside another
training). Several cells in one batched network were measured too: 1.3 times faster for cells of equal depth, but 1.1
times (depths 1 to 10, rate .1) and 0.7 times (depths 1 to 20, rate .05) once levels are padded, so one network it is.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional


class QNetwork:
    """Layers of `sizes[0]` inputs, hidden widths, `sizes[-1]` outputs; leaky ReLU between them.

    Weights start uniform with variance 2 / ((1 + leak^2) inputs) before an activation and 1 / inputs in the last
    layer, biases at zero; drawn on the CPU, so that a seed means the same weights on every device.
    """

    def __init__(self, sizes: list[int], leak: float, seed: int, device: torch.device) -> None:
        self.sizes, self.leak = sizes, leak
        count = sum((inputs + 1) * outputs for inputs, outputs in layer_shapes(sizes))
        self.parameters = torch.nn.Parameter(torch.zeros(count, device=device))
        self.parameters.grad = torch.zeros(count, device=device)
        self.layers = layer_views(self.parameters.data, sizes)
        self.gradients = layer_views(self.parameters.grad, sizes)
        generator = torch.Generator().manual_seed(seed)
        for index, (weights, _) in enumerate(self.layers):
            gain = 1.0 if index == len(self.layers) - 1 else sqrt(2 / (1 + leak**2))
            bound = gain * sqrt(3 / weights.shape[1])
            weights.copy_(torch.empty(weights.shape).uniform_(-bound, bound, generator=generator))

    def outputs(self, inputs: Tensor) -> Tensor:
        """[rows, outputs] of [rows, inputs]."""
        return self.activations(inputs)[-1]

    def activations(self, inputs: Tensor) -> list[Tensor]:
        """The inputs, what each hidden layer makes of them, and the outputs."""
        found = [inputs]
        for weights, bias in self.layers[:-1]:
            hidden = torch.addmm(bias, found[-1], weights.t())
            found.append(functional.leaky_relu_(hidden, self.leak))
        weights, bias = self.layers[-1]
        found.append(torch.addmm(bias, found[-1], weights.t()))
        return found

    def set_gradient(self, inputs: Tensor, targets: Tensor, pair_weights: Tensor) -> None:
        """Sets the parameters' gradient to that of sum over rows and pairs of w_pair (output - target)^2."""
        activations = self.activations(inputs)
        slope = (activations.pop() - targets).mul_(2 * pair_weights)
        for index in range(len(self.layers) - 1, -1, -1):
            weight_gradient, bias_gradient = self.gradients[index]
            below = activations[index]
            torch.mm(slope.t(), below, out=weight_gradient)
            torch.sum(slope, 0, out=bias_gradient)
            if index > 0:
                slope = torch.mm(slope, self.layers[index][0])
                # A leaky ReLU keeps the sign, so its result says which slope it had.
                slope = torch.ops.aten.leaky_relu_backward(slope, below, self.leak, True)


def layer_shapes(sizes: list[int]) -> list[tuple[int, int]]:
    return list(zip(sizes, sizes[1:], strict=False))


def layer_views(flat: Tensor, sizes: list[int]) -> list[tuple[Tensor, Tensor]]:
    """The weights [outputs, inputs] and bias [outputs] of each layer, as views of the flat tensor."""
    views, start = [], 0
    for inputs, outputs in layer_shapes(sizes):
        middle = start + inputs * outputs
        end = middle + outputs
        views.append((flat[start:middle].view(outputs, inputs), flat[middle:end]))
        start = end
    return views

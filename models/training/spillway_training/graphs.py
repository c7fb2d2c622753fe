"""The ONNX graphs: one for each stage of the edge network, one for the large network, one for the tail.

The stages take features and give features and logits. The cloud's graphs take raw bytes, RGB or codes, and bring
them to scale themselves, so that any Open Inference Protocol server can host the plain files. Logits are raw,
without a softmax.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .cost import count_multiply_adds, count_parameters
from .fold import fold_normalisation
from .networks import EdgeNetwork, LargeNetwork, Stage
from .quantise import dequantise
from .tail_network import TailNetwork


@dataclass(frozen=True)
class Graph:
    """A module to be exported, with the names at its borders; the examples are batches of one.

    `features_shape` is [C,H,W] of the features that it gives, None where it gives none. `half_weights`: the file
    keeps the weights in 16 bits; they have been rounded to that already, so nothing is lost.
    """

    file: str
    module: nn.Module
    examples: tuple[Tensor, ...]
    inputs: list[str]
    outputs: list[str]
    features_shape: list[int] | None
    half_weights: bool
    multiply_adds: int
    parameters: int


class LastStage(nn.Module):
    """A stage that gives its logits only."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, features: Tensor) -> Tensor:
        return self.stage(features)[1]


class BytesToLogits(nn.Module):
    """uint8 RGB [N,H,W,3] -> logits [N,classes]: cast, transpose, (x / 255 - mean) / deviation, network."""

    def __init__(self, network: LargeNetwork, mean: list[float], deviation: list[float]) -> None:
        super().__init__()
        self.network = network
        scale = 1 / (255 * torch.tensor(deviation, dtype=torch.float64))
        offset = -torch.tensor(mean, dtype=torch.float64) / torch.tensor(deviation, dtype=torch.float64)
        self.register_buffer("scale", scale.float().reshape(1, 3, 1, 1))
        self.register_buffer("offset", offset.float().reshape(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image.float().permute(0, 3, 1, 2) * self.scale + self.offset)[0]


class CodesToLogits(nn.Module):
    """codes uint8 [N,C,H,W], ranges float32 [N,C,2], setting int64 [N,1] -> logits [N,classes].

    Channels that the setting does not send are taken for zero, whatever lies there. Triton knows no tensor of one
    number a row without a dimension for it; hence [N,1].
    """

    def __init__(self, network: TailNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, codes: Tensor, ranges: Tensor, setting: Tensor) -> Tensor:
        setting = setting[:, 0]
        features = dequantise(codes, ranges, self.network.levels[setting])
        return self.network(features * self.network.present[setting][:, :, None, None], setting)


def edge_graphs(network: EdgeNetwork, size: tuple[int, int]) -> list[Graph]:
    """The stages in order, folded; stage i reads `features<i-1>` (stage 1: `image`) and gives `features<i>`.

    `size`: height and width of the images.
    """
    stages = fold_normalisation(network).stages
    graphs, input_name, example = [], "image", torch.randn(1, 3, *size)
    for number, stage in enumerate(stages, start=1):
        last = number == len(stages)
        with torch.no_grad():
            features, _ = stage(example)
        graphs.append(
            Graph(
                file=f"stage-{number}.onnx",
                module=LastStage(stage) if last else stage,
                examples=(example,),
                inputs=[input_name],
                outputs=["logits"] if last else [f"features{number}", "logits"],
                features_shape=None if last else list(features.shape[1:]),
                half_weights=False,
                multiply_adds=count_multiply_adds(stage, example),
                parameters=count_parameters(stage),
            )
        )
        input_name, example = f"features{number}", features
    return graphs


def large_graph(network: LargeNetwork, size: tuple[int, int], mean: list[float], deviation: list[float]) -> Graph:
    example = torch.randint(256, (1, *size, 3), dtype=torch.uint8)
    return cloud_graph("large.onnx", BytesToLogits(fold_normalisation(network), mean, deviation), (example,), ["image"])


def tail_graph(network: TailNetwork, features_shape: list[int]) -> Graph:
    """`features_shape`: [C,H,W] of the edge's first stage."""
    examples = (
        torch.randint(256, (1, *features_shape), dtype=torch.uint8),
        torch.rand(1, features_shape[0], 2),
        torch.zeros(1, 1, dtype=torch.int64),
    )
    module = CodesToLogits(fold_normalisation(network))
    return cloud_graph("tail.onnx", module, examples, ["codes", "ranges", "setting"])


def cloud_graph(file: str, module: nn.Module, examples: tuple[Tensor, ...], inputs: list[str]) -> Graph:
    round_to_half(module)
    return Graph(
        file=file,
        module=module.eval(),
        examples=examples,
        inputs=inputs,
        outputs=["logits"],
        features_shape=None,
        half_weights=True,
        multiply_adds=count_multiply_adds(module, *examples),
        parameters=count_parameters(module),
    )


def round_to_half(module: nn.Module) -> None:
    """Rounds the weights, those with more than one dimension, to what 16 bits can hold."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.copy_(parameter.half().float())

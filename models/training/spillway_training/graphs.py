"""The ONNX graphs: one for each stage of the edge network, one for the large network.

The stages take features and give features and logits. The large graph takes raw RGB bytes and normalises them
itself, so that any Open Inference Protocol server can host the plain file. Logits are raw, without a softmax.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from .cost import count_multiply_adds, count_parameters
from .data import TILE
from .fold import fold_normalisation
from .networks import EdgeNetwork, LargeNetwork, Stage

OPSET = 18


@dataclass(frozen=True)
class Graph:
    """A module to be exported, with the names at its borders; `features_shape` is [C,H,W], None at the last stage."""

    file: str
    module: nn.Module
    example: Tensor
    input: str
    outputs: list[str]
    features_shape: list[int] | None
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
    """uint8 RGB [N,32,32,3] -> logits [N,classes]: cast, transpose, (x / 255 - mean) / deviation, network."""

    def __init__(self, network: LargeNetwork, mean: list[float], deviation: list[float]) -> None:
        super().__init__()
        self.network = network
        scale = 1 / (255 * torch.tensor(deviation, dtype=torch.float64))
        offset = -torch.tensor(mean, dtype=torch.float64) / torch.tensor(deviation, dtype=torch.float64)
        self.register_buffer("scale", scale.float().reshape(1, 3, 1, 1))
        self.register_buffer("offset", offset.float().reshape(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image.float().permute(0, 3, 1, 2) * self.scale + self.offset)[0]


def edge_graphs(network: EdgeNetwork) -> list[Graph]:
    """The stages in order, folded; stage i reads `features<i-1>` (stage 1: `image`) and gives `features<i>`."""
    stages = fold_normalisation(network).stages
    graphs, input_name, example = [], "image", torch.randn(1, 3, TILE, TILE)
    for number, stage in enumerate(stages, start=1):
        last = number == len(stages)
        with torch.no_grad():
            features, _ = stage(example)
        graphs.append(
            Graph(
                file=f"stage-{number}.onnx",
                module=LastStage(stage) if last else stage,
                example=example,
                input=input_name,
                outputs=["logits"] if last else [f"features{number}", "logits"],
                features_shape=None if last else list(features.shape[1:]),
                multiply_adds=count_multiply_adds(stage, example),
                parameters=count_parameters(stage),
            )
        )
        input_name, example = f"features{number}", features
    return graphs


def large_graph(network: LargeNetwork, mean: list[float], deviation: list[float]) -> Graph:
    module = BytesToLogits(fold_normalisation(network), mean, deviation).eval()
    example = torch.randint(256, (1, TILE, TILE, 3), dtype=torch.uint8)
    return Graph(
        file="large.onnx",
        module=module,
        example=example,
        input="image",
        outputs=["logits"],
        features_shape=None,
        multiply_adds=count_multiply_adds(module, example),
        parameters=count_parameters(module),
    )


def write_graph(graph: Graph, folder: Path) -> Path:
    """Exports one graph, float32 weights inside the file, first dimension `batch` free; returns its path."""
    path = folder / graph.file
    # A batch of one would be taken for a constant, so the exporter is shown two images.
    example = torch.cat([graph.example, graph.example])
    # The exporter warns of its own internals and of torchvision, which is not used here.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph.module,
            (example,),
            input_names=[graph.input],
            output_names=graph.outputs,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    model = program.model_proto
    remove_traces(model)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    return path


def remove_traces(model: onnx.ModelProto) -> None:
    """Drops the stack traces that the exporter leaves on every node: they name files of the exporting machine."""
    for part in [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer]:
        del part.metadata_props[:]
    for part in [*model.graph.input, *model.graph.output]:
        del part.metadata_props[:]

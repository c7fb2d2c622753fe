"""Writing a graph as one self-contained ONNX file."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from .checkpoint import write_whole
from .graphs import Graph

OPSET = 18


def write_graph(graph: Graph, folder: Path) -> Path:
    """Exports one graph, weights inside the file, first dimension `batch` free; returns its path."""
    # A batch of one would be taken for a constant, so the exporter is shown two images.
    examples = tuple(torch.cat([example, example]) for example in graph.examples)
    batch = torch.export.Dim("batch")
    # The exporter warns of its own internals and of torchvision, which is not used here.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph.module,
            examples,
            input_names=graph.inputs,
            output_names=graph.outputs,
            dynamic_shapes=tuple({0: batch} for _ in examples),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    model = program.model_proto
    remove_traces(model)
    if graph.half_weights:
        store_half_weights(model)
    onnx.checker.check_model(model, full_check=True)
    path = folder / graph.file
    write_whole(path, model.SerializeToString())
    return path


def remove_traces(model: onnx.ModelProto) -> None:
    """Drops the stack traces that the exporter leaves on every node: they name files of the exporting machine."""
    for part in [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer]:
        del part.metadata_props[:]
    for part in [*model.graph.input, *model.graph.output]:
        del part.metadata_props[:]


def store_half_weights(model: onnx.ModelProto) -> None:
    """Keeps the float32 weights that 16 bits hold exactly in 16 bits, with a cast before their use.

    Runtimes fold the cast when they load the file, so the arithmetic stays float32.
    """
    graph = model.graph
    casts = []
    for weights in graph.initializer:
        if weights.data_type != TensorProto.FLOAT or len(weights.dims) < 2:
            continue
        values = numpy_helper.to_array(weights)
        half = values.astype(numpy.float16)
        if not numpy.array_equal(half.astype(numpy.float32), values):
            continue
        name = weights.name
        weights.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)

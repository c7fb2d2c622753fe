"""Writes stage-1.onnx and stage-2.onnx: the edge to which tail.onnx is the tail, of images of 4 x 4 pixels.

image FP32 [N,3,4,4] -> features FP32 [N,4,3,2]: a corner of each colour, and of their mean; logits FP32 [N,3]: the mean
of each colour. features -> logits [N,3]: the mean of each of the first three channels.
Python's onnx 1.23: python test/vectors/graphs/stages.py
"""

from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

FEATURES = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 4, 3, 2])
LOGITS = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])


def write(name: str, nodes: list, inputs: list, outputs: list, constants: dict) -> None:
    initialisers = [numpy_helper.from_array(numpy.array(value), key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    Path(__file__).with_name(f"{name}.onnx").write_bytes(model.SerializeToString())


write(
    "stage-1",
    [
        helper.make_node("Slice", ["image", "start", "end", "sides"], ["corner"]),
        helper.make_node("ReduceMean", ["corner", "channels"], ["grey"]),
        helper.make_node("Concat", ["corner", "grey"], ["features"], axis=1),
        helper.make_node("ReduceMean", ["image", "sides"], ["logits"], keepdims=0),
    ],
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 4, 4])],
    [FEATURES, LOGITS],
    {"start": [0, 0], "end": [3, 2], "sides": [2, 3], "channels": [1]},
)
write(
    "stage-2",
    [
        helper.make_node("Slice", ["features", "start", "end", "channels"], ["colours"]),
        helper.make_node("ReduceMean", ["colours", "sides"], ["logits"], keepdims=0),
    ],
    [FEATURES],
    [LOGITS],
    {"start": [0], "end": [3], "sides": [2, 3], "channels": [1]},
)

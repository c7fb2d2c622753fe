"""Writes tail.onnx: a tail as small as can be, with all that makes it one.

codes UINT8 [N,4,3,2], ranges FP32 [N,4,2], setting INT64 [N,1] -> logits FP32 [N,3]: each row's codes become values
by its ranges and the levels of its setting, channels that the setting does not send count as nothing, and their means
are multiplied by a matrix of the setting's own. Settings: 2 channels of 1 bit, 2 of 8, 4 of 4.
Python's onnx 1.23: python test/vectors/graphs/tail.py
"""

from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS, HEIGHT, WIDTH, CLASSES = 4, 3, 2, 3
SETTINGS = [(2, 1), (2, 8), (4, 4)]

levels = numpy.array([[2**bits - 1] for _, bits in SETTINGS], numpy.float32)
masks = numpy.array([[channel < sent for channel in range(CHANNELS)] for sent, _ in SETTINGS], numpy.float32)
matrices = numpy.arange(len(SETTINGS) * CHANNELS * CLASSES, dtype=numpy.float32).reshape(-1, CHANNELS, CLASSES) / 10
matrices *= masks[:, :, None]
constants = {
    "levels": levels,
    "matrices": matrices,
    "low": numpy.array(0, numpy.int64),
    "high": numpy.array(1, numpy.int64),
    "middle": numpy.array([1], numpy.int64),
    "sides": numpy.array([2, 3], numpy.int64),
}
nodes = [
    # The mean of a channel is that of its codes, between its ends.
    helper.make_node("Cast", ["codes"], ["steps"], to=TensorProto.FLOAT),
    helper.make_node("ReduceMean", ["steps", "sides"], ["step"], keepdims=0),
    helper.make_node("Squeeze", ["setting", "middle"], ["chosen"]),
    helper.make_node("Gather", ["levels", "chosen"], ["level"], axis=0),
    helper.make_node("Div", ["step", "level"], ["share"]),
    helper.make_node("Gather", ["ranges", "low"], ["smallest"], axis=2),
    helper.make_node("Gather", ["ranges", "high"], ["largest"], axis=2),
    helper.make_node("Sub", ["largest", "smallest"], ["width"]),
    helper.make_node("Mul", ["share", "width"], ["above"]),
    helper.make_node("Add", ["smallest", "above"], ["means"]),
    helper.make_node("Gather", ["matrices", "chosen"], ["matrix"], axis=0),
    helper.make_node("Unsqueeze", ["means", "middle"], ["rows"]),
    helper.make_node("MatMul", ["rows", "matrix"], ["products"]),
    helper.make_node("Squeeze", ["products", "middle"], ["logits"]),
]
graph = helper.make_graph(
    nodes,
    "tail",
    [
        helper.make_tensor_value_info("codes", TensorProto.UINT8, ["batch", CHANNELS, HEIGHT, WIDTH]),
        helper.make_tensor_value_info("ranges", TensorProto.FLOAT, ["batch", CHANNELS, 2]),
        helper.make_tensor_value_info("setting", TensorProto.INT64, ["batch", 1]),
    ],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
    [numpy_helper.from_array(value, key) for key, value in constants.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
onnx.checker.check_model(model, full_check=True)
Path(__file__).with_name("tail.onnx").write_bytes(model.SerializeToString())

"""Writes per-row-setting.onnx: a graph like the tail's, whose rows may differ in their setting.

codes UINT8 [N,4], setting INT64 [N] -> logits FP32 [N,3]: each row times the matrix of its own setting.
Python's onnx 1.23: python test/vectors/graphs/per_row_setting.py
"""

from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

matrices = numpy.arange(24, dtype=numpy.float32).reshape(2, 4, 3) / 10
nodes = [
    helper.make_node("Cast", ["codes"], ["values"], to=TensorProto.FLOAT),
    helper.make_node("Unsqueeze", ["values", "one"], ["rows"]),
    helper.make_node("Gather", ["matrices", "setting"], ["chosen"], axis=0),
    helper.make_node("MatMul", ["rows", "chosen"], ["products"]),
    helper.make_node("Squeeze", ["products", "one"], ["logits"]),
]
graph = helper.make_graph(
    nodes,
    "per-row-setting",
    [
        helper.make_tensor_value_info("codes", TensorProto.UINT8, ["batch", 4]),
        helper.make_tensor_value_info("setting", TensorProto.INT64, ["batch"]),
    ],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
    [
        numpy_helper.from_array(matrices, "matrices"),
        numpy_helper.from_array(numpy.array([1], numpy.int64), "one"),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
onnx.checker.check_model(model, full_check=True)
Path(__file__).with_name("per-row-setting.onnx").write_bytes(model.SerializeToString())

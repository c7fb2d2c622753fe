"""Writes mean-colour.onnx and mean-colour-doubled.onnx: classifiers of 4 x 4 pixels that load at once, and
too-large.onnx, which nobody has the memory to run.

image UINT8 [N,4,4,3] -> logits FP32 [N,3]: the mean of each colour, doubled by the second one. The third adds the sum
of 2^44 zeros, which it makes when it runs.
Python's onnx 1.23: python test/vectors/graphs/mean_colour.py
"""

from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(name: str, nodes: list, constants: dict) -> None:
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["values"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["values", "sides"], ["means"], keepdims=0),
            *nodes,
        ],
        name,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 4, 4, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(value, key) for key, value in {"sides": numpy.array([1, 2]), **constants}.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    Path(__file__).with_name(f"{name}.onnx").write_bytes(model.SerializeToString())


def multiplied(factor: float) -> dict:
    return {"matrix": numpy.eye(3, dtype=numpy.float32) * numpy.float32(factor)}


multiply = helper.make_node("MatMul", ["means", "matrix"], ["logits"])
write("mean-colour", [multiply], multiplied(1))
write("mean-colour-doubled", [multiply], multiplied(2))
write(
    "too-large",
    [
        # The length depends on the input, so that it cannot be made in advance.
        helper.make_node("Shape", ["means"], ["rows"], start=0, end=1),
        helper.make_node("Mul", ["rows", "length"], ["lengths"]),
        helper.make_node("ConstantOfShape", ["lengths"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Add", ["means", "zero"], ["logits"]),
    ],
    {"length": numpy.array([2**44])},
)

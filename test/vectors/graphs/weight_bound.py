"""Writes weight-bound.onnx: a classifier whose weights take longer to read than one row takes to compute.

image UINT8 [N,32,32,3] -> logits FP32 [N,100] over five dense layers of 63 million weights in all, as a large
model on a GPU. The weights are constants that ONNX Runtime makes when it loads the file, which has 1 kB.
Python's onnx 1.23: python test/vectors/graphs/weight_bound.py
"""

from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTHS = [3072, 4096, 4096, 4096, 4096, 100]

nodes = [
    helper.make_node("Cast", ["image"], ["values"], to=TensorProto.FLOAT),
    helper.make_node("Flatten", ["values"], ["layer0"], axis=1),
]
constants = []
for number, (width_in, width_out) in enumerate(zip(WIDTHS[:-1], WIDTHS[1:], strict=True), start=1):
    constants.append(numpy_helper.from_array(numpy.array([width_in, width_out], numpy.int64), f"shape{number}"))
    weight = numpy_helper.from_array(numpy.array([1 / width_in], numpy.float32))
    last = number == len(WIDTHS) - 1
    nodes += [
        helper.make_node("ConstantOfShape", [f"shape{number}"], [f"weights{number}"], value=weight),
        helper.make_node("MatMul", [f"layer{number - 1}", f"weights{number}"], ["logits" if last else f"layer{number}"]),
    ]
graph = helper.make_graph(
    nodes,
    "weight-bound",
    [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 32, 32, 3])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 100])],
    constants,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
onnx.checker.check_model(model, full_check=True)
Path(__file__).with_name("weight-bound.onnx").write_bytes(model.SerializeToString())

"""Floating-point operations of a traced function: its convolutions and matmuls.

A multiplication and an addition are two. TensorFlow's own profiler counts the gradient
of a convolution's input over the padded image, which is up to 15 % more than is done.
"""

import math


def flops(concrete):
    """Of a concrete function whose shapes are known."""
    return sum(COUNTS[op.type](op) for op in needed(concrete) if op.type in COUNTS)


def needed(concrete):
    """The operations that the results and effects of a function need.

    A tape also writes down gradients that nobody asks for; they are never run.
    """
    waiting = [tensor.op for tensor in concrete.graph.outputs]
    waiting += concrete.graph.control_outputs
    found = {}
    while waiting:
        op = waiting.pop()
        if op.name not in found:
            found[op.name] = op
            waiting += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    return list(found.values())


def _positions(tensor):
    return math.prod(tensor.shape[:3].as_list())


def _matmul(op):
    # Each number of the result is a sum over the dimension that is contracted.
    transposed = op.type == "MatMul" and op.get_attr("transpose_a")
    transposed |= op.type != "MatMul" and op.get_attr("adj_x")
    summed = op.inputs[0].shape[-2 if transposed else -1]
    return 2 * summed * math.prod(op.outputs[0].shape.as_list())


def _of_kernel(kernel, positions):
    return 2 * math.prod(kernel.as_list()) * positions


COUNTS = {
    "Conv2D": lambda op: _of_kernel(op.inputs[1].shape, _positions(op.outputs[0])),
    # Its inputs: a size, the kernel, the gradient. Transposed convolutions are these.
    "Conv2DBackpropInput": lambda op: _of_kernel(
        op.inputs[1].shape, _positions(op.inputs[2])
    ),
    "Conv2DBackpropFilter": lambda op: _of_kernel(
        op.outputs[0].shape, _positions(op.inputs[2])
    ),
    "MatMul": _matmul,
    "BatchMatMulV2": _matmul,
}

"""The ranges of all tensors of a model, which int8 divides into 256 steps.

The converter measures them too, but not rightly: in TensorFlow 2.15 element-wise
operators write their result over an input that nobody else needs, and the converter's
calibrator reads the input afterwards. The range of a sum is taken for that of what was
added, and 0 to 255 for that of tanh. The steps become far too wide: images of `int8`
had 15 dB PSNR where they have 34 with the right ranges. So the ranges are measured here
once more, by an interpreter of a copy of the model in which every tensor is an output,
and is therefore left alone.
"""

import numpy as np

from egsc_tf.export.litert import flatbuffer
from egsc_tf.export.litert.interpreter import Interpreter


def with_ranges(content, samples):
    """A calibrated model with ranges that are right.

    Args:
      content: bytes of a float model whose tensors have ranges, as the converter gives.
      samples: [(signature, {input: array})] to measure on.

    Returns:
      bytes of the model.
    """
    model = flatbuffer.read(content)
    place = {d.signatureKey.decode(): d.subgraphIndex for d in model.signatureDefs}
    interpreter = Interpreter(model_content=_all_outputs(content))
    runners = {name: interpreter.get_signature_runner(name) for name in place}
    lows, highs = {}, {}
    for name, inputs in samples:
        runners[name](**inputs)
        subgraph = place[name]
        for index in _ranged(model.subgraphs[subgraph]):
            values = interpreter.get_tensor(index, subgraph)
            key = subgraph, index
            lows[key] = min(lows.get(key, np.inf), float(values.min()))
            highs[key] = max(highs.get(key, -np.inf), float(values.max()))
    for subgraph, index in lows:
        quantization = model.subgraphs[subgraph].tensors[index].quantization
        quantization.min = [lows[subgraph, index]]
        quantization.max = [highs[subgraph, index]]
    return flatbuffer.write(model)


def _all_outputs(content):
    """The model, each result of an operator an output of its subgraph."""
    model = flatbuffer.read(content)
    for subgraph in model.subgraphs:
        results = (i for operator in subgraph.operators for i in operator.outputs)
        # The signature's own stay first.
        subgraph.outputs = list(dict.fromkeys([*subgraph.outputs, *results]))
    return flatbuffer.write(model)


def _ranged(subgraph):
    """The indices of the tensors that have a range."""
    return [
        index
        for index, tensor in enumerate(subgraph.tensors)
        if tensor.quantization is not None
        and tensor.quantization.min is not None
        and len(tensor.quantization.min)
    ]

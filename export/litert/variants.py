"""The variants of a .tflite file: how each is converted, and how good it has to be.

| variant | weights | arithmetic |
|---|---|---|
| float32 | float32 | float32 |
| float16 | float16 | float32 |
| dynamic | int8 | convolutions int8, ranges found at run time; all else float32 |
| int8 | int8 | int8 |
| int8_float_norm | int8 | int8, but for the norm statistics and the last layer |

The ranges of the last two come from pairs of training images
(`egsc_tf.export.litert.calibration`). In `int8` the variances of AdaIN have to share
256 steps, though they differ by orders of magnitude.
"""

import functools

import tensorflow as tf

from egsc_tf.export.litert import calibration, flatbuffer, graph
from egsc_tf.runtime.quiet import stderr_held_back

lite = tf.lite.experimental

# The least PSNR in dB against the Keras model that a file may have.
FLOORS = {
    "float32": 50.0,
    "float16": 40.0,
    "dynamic": 30.0,
    "int8": 25.0,
    "int8_float_norm": 30.0,
}
CALIBRATED = ("int8", "int8_float_norm")


class Converter:
    """Makes the variants of one SavedModel.

    Args:
      saved_model: folder that tflite_graph.save wrote.
      samples: of `samples_of`; only CALIBRATED needs them.
    """

    def __init__(self, saved_model, samples=()):
        self._saved_model, self._samples = saved_model, samples

    def convert(self, variant):
        """The bytes of a .tflite file with both signatures, of a key of FLOORS."""
        # The converter's C++ writes pages of statistics that no log level stops.
        with stderr_held_back():
            if variant == "int8":
                return self._quantized()
            if variant == "int8_float_norm":
                return self._quantized(keep=graph.IN_FLOAT)
            converter = self._converter()
            if variant != "float32":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if variant == "float16":
                converter.target_spec.supported_types = [tf.float16]
            return converter.convert()

    def _converter(self):
        return tf.lite.TFLiteConverter.from_saved_model(
            self._saved_model, signature_keys=list(graph.SIGNATURES)
        )

    @functools.cached_property
    def _debugger(self):
        """A QuantizationDebugger: what quantizes a part of a model only.

        Its `calibrated_model`, the float model with ranges, is replaced by one whose
        ranges are right, so that a sample per signature is enough for the converter.
        """
        converter = self._converter()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        first = self._samples[: len(graph.SIGNATURES)]
        converter.representative_dataset = lambda: iter(first)
        debugger = lite.QuantizationDebugger(
            converter=converter, debug_options=lite.QuantizationDebugOptions()
        )
        debugger.calibrated_model = calibration.with_ranges(
            debugger.calibrated_model, self._samples
        )
        return debugger

    def _quantized(self, keep=None):
        """The int8 model; keep: a name scope that stays in float."""
        options = {}
        if keep:
            # The scope is looked for in the calibrated model, since conversion fuses
            # operators and joins their names; a second scope of a name gets a number.
            tensors = flatbuffer.tensors(self._debugger.calibrated_model)
            options = {
                "denylisted_nodes": [name for name, _ in tensors if keep in name],
                # Only style codes are reshaped, and named after the signature's output.
                "denylisted_ops": ["RESHAPE"],
            }
        self._debugger.options = lite.QuantizationDebugOptions(**options)
        return self._debugger.get_nondebug_quantized_model()


def samples_of(functions, pairs, dtype):
    """[(signature, {input: array})] of pairs, one of each signature in turn.

    Args:
      functions: of tflite_graph.
      pairs: of tflite_pairs.
      dtype: "uint8" or "float32".
    """
    samples = []
    for pair in pairs:
        content, exemplar = (image[None].astype(dtype) for image in pair)
        style = functions[graph.ENCODE_STYLE](exemplar)["style"].numpy()
        samples += [
            (graph.ENCODE_STYLE, {"exemplar": exemplar}),
            (graph.TRANSLATE, {"content": content, "style": style}),
        ]
    return samples

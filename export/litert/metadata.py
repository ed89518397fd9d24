"""TFLite metadata: what an app reads in the file about the model and its tensors.

The metadata are a flatbuffer of their own (tables of TensorFlow's metadata_schema.fbs,
file identifier M001). They are written here with `flatbuffers` alone: a table is a dict
of its fields by their number in the schema, a union a field for its type and one for
its value.
"""

import flatbuffers
import numpy as np

from egsc_tf.domains import split
from egsc_tf.export.litert.graph import ENCODE_STYLE, TRANSLATE
from egsc_tf.runtime.counted import counted
from egsc_tf.version import __version__

FILE_IDENTIFIER = b"M001"
# The parser of the first version knows all tables used here.
MIN_PARSER_VERSION = "1.0.0"
LABELS = "domains.txt"
LICENCE = (
    "Format and code: Apache-2.0. Weights: see the terms of the images that the model "
    "was trained on."
)
DESCRIPTIONS = {
    ENCODE_STYLE: "The style code of an exemplar, to be kept and used for any content.",
    TRANSLATE: "A content image in the style of a style code.",
}


def labels(direction):
    """The text of the associated file: which domain each image belongs to."""
    source, target = split(direction)
    return f"content {source}\nexemplar {target}\nimage {target}\n"


def build(signatures, size, direction, variant, steps):
    """The metadata of a file, as bytes.

    Args:
      signatures: [(signature, [input], [output])], in the order of the file.
      size: (height, width) of all images.
      direction: "a2b" or "b2a".
      variant: name of the variant.
      steps: how many steps the model was trained.
    """
    source, target = split(direction)
    texts = {
        "content": f"Image of domain {source}, RGB, 0 to 255: what to translate.",
        "exemplar": f"Image of domain {target}, RGB, 0 to 255: the style.",
        "image": f"Image of domain {target}, RGB, 0 to 255: the translation.",
        "style": "Style code (gamma, beta): two numbers per channel.",
    }

    def tensor(name):
        if name == "style":
            return {0: name, 1: texts[name], 2: ["batch", "code"], 3: _feature()}
        return {
            0: name,
            1: texts[name],
            2: ["batch", "height", "width", "channel"],
            3: _image(*size),
            # The graph normalises; there is nothing left to do: mean 0, deviation 1.
            4: [{0: np.uint8(1), 1: {0: _floats(0.0), 1: _floats(1.0)}}],
            5: {0: _floats(255.0), 1: _floats(0.0)},
        }

    subgraphs = [
        {
            0: name,
            1: DESCRIPTIONS[name],
            2: [tensor(t) for t in inputs],
            3: [tensor(t) for t in outputs],
        }
        for name, inputs, outputs in signatures
    ]
    model = {
        0: f"egsc_tf {direction} {variant}",
        1: f"Translates images of domain {source} into the style of an exemplar image "
        f"of domain {target} (EGSC-IT, arXiv 1805.11145).",
        2: f"{__version__}, {counted(steps, 'step')}",
        3: subgraphs,
        4: "egsc_tf",
        5: LICENCE,
        6: [{0: LABELS, 1: "The domain of each image.", 2: np.uint8(1)}],
        7: MIN_PARSER_VERSION,
    }
    builder = flatbuffers.Builder()
    builder.Finish(_write(builder, model), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _floats(value):
    """One value for all channels."""
    return np.array([value], np.float32)


def _feature():
    """Content: the union's type 1, FeatureProperties, a table without fields."""
    return {0: np.uint8(1), 1: {}}


def _image(height, width):
    """Content: the union's type 2, ImageProperties: RGB, (width, height)."""
    size = {0: np.uint32(width), 1: np.uint32(height)}
    return {0: np.uint8(2), 1: {0: np.uint8(1), 1: size}}


def _write(builder, value):
    """Writes a string, vector or table; returns its offset."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    if isinstance(value, list):
        offsets = [_write(builder, one) for one in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()
    # Whatever a table points to has to be written before the table is begun.
    is_number = {slot: isinstance(field, np.integer) for slot, field in value.items()}
    fields = {
        slot: int(field) if is_number[slot] else _write(builder, field)
        for slot, field in value.items()
    }
    builder.StartObject(max(fields, default=-1) + 1)
    for slot, field in fields.items():
        if not is_number[slot]:
            builder.PrependUOffsetTRelativeSlot(slot, field, 0)
        elif value[slot].dtype == np.uint8:
            builder.PrependUint8Slot(slot, field, 0)
        else:
            builder.PrependUint32Slot(slot, field, 0)
    return builder.EndObject()

"""The files of a variant: one with both signatures, and one of each.

    a2b_float32.tflite                signatures encode_style and translate
    a2b_float32_encode_style.tflite   one signature each, of the same weights
    a2b_float32_translate.tflite

Each has its own metadata and, as a zip archive behind it, a text that says which domain
each image belongs to.
"""

import os
import re

from egsc_tf.export.litert import flatbuffer, graph
from egsc_tf.export.litert import metadata as tflite_metadata
from egsc_tf.runtime.files import write_whole


def build(content, direction, variant, size, steps):
    """{file name: bytes}, the file with both signatures first.

    Args:
      content: bytes of tflite_variants.convert.
      direction: "a2b" or "b2a".
      variant: its name.
      size: (height, width) of all images.
      steps: how long the model was trained.
    """
    name = f"{direction}_{variant}"
    files = {f"{name}.tflite": content}
    for signature in graph.SIGNATURES:
        files[f"{name}_{signature}.tflite"] = flatbuffer.only(content, signature)
    labels = {tflite_metadata.LABELS: tflite_metadata.labels(direction)}
    for file, part in files.items():
        metadata = tflite_metadata.build(
            flatbuffer.signatures(part), size, direction, variant, steps
        )
        files[file] = flatbuffer.with_metadata(part, metadata, labels)
    return files


def write(output, files):
    """Writes files into a folder."""
    for name, content in files.items():
        write_whole(os.path.join(output, name), content)


def others(output, direction, variants):
    """Names of the .tflite files in a folder that are of no such variant."""
    names = os.listdir(output) if os.path.isdir(output) else []
    ours = "|".join(map(re.escape, variants))
    ours = rf"{direction}_({ours})(_({'|'.join(graph.SIGNATURES)}))?\.tflite"
    return sorted(
        n for n in names if n.endswith(".tflite") and not re.fullmatch(ours, n)
    )


def remove(output, files):
    """Removes what an earlier export left there under these names."""
    for name in files:
        path = os.path.join(output, name)
        if os.path.exists(path):
            os.remove(path)

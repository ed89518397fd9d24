"""Where the time of a step goes, by the paper's names, from TensorFlow's profiler.

A network's operations lie in the name scope of its layer (`E_a/...`), those of its
gradients in `gradient_tape/E_a/...`.
"""

import collections
import glob
import os
import re
import tempfile

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

PARTS = {
    "F": ("F_a", "F_b"),
    "E": ("E_a", "E_b", "S_e", "style_a", "style_b"),
    "G": ("S_g", "G_a", "G_b"),
    "D": ("D_a", "D_b"),
    "VGG": ("phi",),
    "optimizer": ("optimizer_g", "optimizer_d", "ema"),
}
OF_SCOPE = {scope: part for part, scopes in PARTS.items() for scope in scopes}
REST = "losses, AdaIN, rest"
# "scope/operation:Type", maybe with "#id=..#" behind; calls are no kernels.
OPERATION = re.compile(r"^([A-Za-z0-9_./\\-]+):([A-Z_]\w*)(#.*)?$")
CALLS = ("PartitionedCall", "StatefulPartitionedCall", "If", "While")


def time_by_part(call, calls=2):
    """{part: {"share", "ms"}} of a call's operations, forward and backward apart.

    Operations overlap, so that the milliseconds sum to more than the call takes.
    """
    spent = collections.Counter()
    for name, seconds in _operations(call, calls):
        spent[part_of(name)] += 1e3 * seconds / calls
    total = sum(spent.values())
    return {
        part: {"share": ms / total, "ms": ms} for part, ms in spent.most_common() if ms
    }


def part_of(name):
    """The part of a step that an operation belongs to, by its name."""
    scopes = name.split("/")
    backward = scopes[0] == "gradient_tape"
    scope = re.sub(r"_\d+$", "", scopes[backward])
    part = OF_SCOPE.get(scope)
    return REST if part is None else f"{part} backward" if backward else part


def _operations(call, calls):
    """[(name, seconds)] of all operations that `calls` calls ran."""
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(calls):
            call()
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace()
        (path,) = glob.glob(os.path.join(folder, "**", "*.xplane.pb"), recursive=True)
        with open(path, "rb") as file:
            space.ParseFromString(file.read())
    found = []
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            match = OPERATION.match(plane.event_metadata[event.metadata_id].name)
            if match and match.group(2) not in CALLS:
                found.append((match.group(1), event.duration_ps / 1e12))
    return found

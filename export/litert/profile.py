"""Where the time of a .tflite file goes, by operator:

    python -m egsc_tf.export.litert.profile FILE

LiteRT's interpreter in Python tells no times of its operators, and XNNPACK joins them
into one. So each operator is cut out as a file of its own and timed alone, on one
thread, in seconds of the processor: other processes of the machine disturb these
little. What XNNPACK saves by joining is the difference of their sum from the whole.
"""

import argparse
import collections
import math
import time

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from egsc_tf.errors import UserError
from egsc_tf.export.litert import flatbuffer
from egsc_tf.export.litert.interpreter import Interpreter

CONVOLUTIONS = ("CONV_2D", "TRANSPOSE_CONV")
# {number: what is computed with an operator at once}; 0 is nothing.
ACTIVATIONS = {
    number: name
    for name, number in vars(schema.ActivationFunctionType).items()
    if isinstance(number, int) and number
}


def profile(content, signature, runs=10):
    """Times the operators of a signature, each kind and shape alone.

    Args:
      content: bytes of a .tflite file.
      signature: one of the file.
      runs: how often each is timed; the shortest time counts.

    Returns:
      (rows, ms of the whole signature). A row is {"operator": with its activation,
      "shape": of the output, "count", "ms": of all `count` together, "gflops": a
      second, None of what is no convolution}; those that take longest come first.

    Raises:
      UserError: for a float16 file: its weights are made float32 by operators of their
        own, without which XNNPACK does not run a convolution.
    """
    content = flatbuffer.only(content, signature)
    model = flatbuffer.read(content)
    if any(t.type == schema.TensorType.FLOAT16 for t in model.subgraphs[0].tensors):
        raise UserError("expected a file that is not of float16, found one")
    subgraph, found = model.subgraphs[0], {}
    counts = collections.Counter()
    for number, operator in enumerate(subgraph.operators):
        name = flatbuffer.name_of(model, operator)
        ins, outs = (
            tuple(flatbuffer.shape_of(subgraph.tensors[i]) for i in side if i >= 0)
            for side in (operator.inputs, operator.outputs)
        )
        options = vars(operator.builtinOptions) if operator.builtinOptions else {}
        activation = ACTIVATIONS.get(options.get("fusedActivationFunction", 0))
        name = f"{name} + {activation}" if activation else name
        key = (name, ins, outs, tuple(map(str, options.items())))
        counts[key] += 1
        found.setdefault(key, number)
    rows = []
    for (name, ins, outs, options), number in found.items():
        count = counts[name, ins, outs, options]
        ms = _ms(flatbuffer.alone(content, number), runs)
        gflops = None
        if name.startswith(CONVOLUTIONS):
            # Each output, or of a transposed one each input, meets the whole kernel.
            kernel = ins[1]
            places = outs[0][1:3] if name.startswith("CONV_2D") else ins[2][1:3]
            gflops = 2e-6 * math.prod([*places, *kernel]) / ms
        rows.append(
            {
                "operator": name,
                "shape": list(outs[0]),
                "count": count,
                "ms": count * ms,
                "gflops": gflops,
            }
        )
    return sorted(rows, key=lambda row: -row["ms"]), _ms(content, runs)


def table(rows, whole):
    """Markdown of what `profile` returns."""
    total = sum(row["ms"] for row in rows)
    lines = ["| operator | output | number | ms | share | GFLOP/s |", "|---" * 6 + "|"]
    for row in rows:
        gflops = "" if row["gflops"] is None else f"{row['gflops']:.0f}"
        shape = "x".join(map(str, row["shape"]))
        lines.append(
            f"| {row['operator']} | {shape} | {row['count']} | {row['ms']:.2f} | "
            f"{row['ms'] / total:.0%} | {gflops} |"
        )
    number = sum(row["count"] for row in rows)
    lines.append(f"| all, each alone | | {number} | {total:.2f} | 100% | |")
    lines.append(f"| the signature | | | {whole:.2f} | {whole / total:.0%} | |")
    return "\n".join(lines)


def _ms(content, runs):
    """The least processor time of a run of a file, on one thread, in milliseconds."""
    loaded = Interpreter(model_content=content, num_threads=1)
    loaded.allocate_tensors()
    random = np.random.RandomState(0)
    for detail in loaded.get_input_details():
        values = random.uniform(0, 2, detail["shape"]).astype(detail["dtype"])
        loaded.set_tensor(detail["index"], values)
    loaded.invoke()
    times = []
    for _ in range(runs):
        start = time.process_time()
        loaded.invoke()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def main():
    parser = argparse.ArgumentParser(
        prog=f"python -m {__spec__.name}", description=__doc__.splitlines()[0]
    )
    parser.add_argument("file", help="a .tflite file, not of float16")
    parser.add_argument("--runs", type=int, default=10, help="timed runs of each")
    flags = parser.parse_args()
    if flags.runs < 1:
        parser.error(f"--runs: expected at least 1, found {flags.runs}")
    try:
        with open(flags.file, "rb") as file:
            content = file.read()
        if content[4:8] != flatbuffer.FILE_IDENTIFIER:
            raise UserError("expected a .tflite file, found another")
        signatures = flatbuffer.signatures(content)
        if not signatures:
            raise UserError("expected a file with signatures, found none")
        for signature, _, _ in signatures:
            print(f"{signature}, one thread, processor time:\n")
            print(table(*profile(content, signature, flags.runs)), end="\n\n")
    except (OSError, UserError) as error:
        parser.error(f"{flags.file}: {error}")


if __name__ == "__main__":
    main()

"""What a .tflite file holds: operators counted, a signature cut out, metadata put in.

A .tflite file is a flatbuffer. LiteRT has the classes that read and write it, which are
generated from the schema of these files; the schema only ever grows.
"""

import collections
import io
import zipfile

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

FILE_IDENTIFIER = b"TFL3"
METADATA = "TFLITE_METADATA"
ALIGNMENT = 16
OPERATORS = {
    number: name
    for name, number in vars(schema.BuiltinOperator).items()
    if isinstance(number, int)
}


class _AlignedBuilder(flatbuffers.Builder):
    """Starts byte vectors at multiples of 16, as the schema asks for weights.

    The generated Python classes forget it.
    """

    def StartVector(self, elemSize, numElems, alignment):
        wanted = ALIGNMENT if elemSize == 1 else alignment
        return super().StartVector(elemSize, numElems, wanted)


def read(content):
    """The bytes of a .tflite file -> a schema.ModelT."""
    return schema.ModelT.InitFromPackedBuf(bytearray(content))


def operators(content):
    """{operator: how many} over all signatures of a .tflite file, most first."""
    model = read(content)
    count = collections.Counter(
        name_of(model, operator)
        for subgraph in model.subgraphs
        for operator in subgraph.operators
    )
    return dict(count.most_common())


def name_of(model, operator):
    """What an operator of a schema.ModelT is called."""
    code = model.operatorCodes[operator.opcodeIndex]
    # The older field has a byte only, and is 127 where that is too little.
    return OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]


def shape_of(tensor):
    """The shape of a tensor of a schema.ModelT, a tuple of numbers."""
    return tuple(int(n) for n in _list(tensor.shape))


def tensors(content):
    """[(name, shape)] of all tensors of a .tflite file."""
    return [
        (tensor.name.decode(), list(shape_of(tensor)))
        for subgraph in read(content).subgraphs
        for tensor in subgraph.tensors
    ]


def signatures(content):
    """[(signature, [input name], [output name])] in the order of the file's subgraphs,
    the names in the order of the subgraph's tensors."""
    model = read(content)
    found = []
    for definition in sorted(_list(model.signatureDefs), key=lambda d: d.subgraphIndex):
        subgraph = model.subgraphs[definition.subgraphIndex]
        sides = []
        for indices, maps in (
            (subgraph.inputs, definition.inputs),
            (subgraph.outputs, definition.outputs),
        ):
            name_of = {m.tensorIndex: m.name.decode() for m in _list(maps)}
            sides.append([name_of[index] for index in _list(indices)])
        found.append((definition.signatureKey.decode(), *sides))
    return found


def only(content, signature):
    """A .tflite file with one signature of another's, with the same weights."""
    model = read(content)
    definition = next(
        d for d in model.signatureDefs if d.signatureKey.decode() == signature
    )
    subgraph = model.subgraphs[definition.subgraphIndex]
    definition.subgraphIndex = 0
    model.subgraphs, model.signatureDefs = [subgraph], [definition]
    _drop_unused(model)
    return write(model)


def alone(content, number):
    """A .tflite file of one operator of another's first subgraph: what it computes from
    is put in, but for what is constant."""
    model = read(content)
    subgraph = model.subgraphs[0]
    operator = subgraph.operators[number]
    used = sorted({i for i in (*operator.inputs, *operator.outputs) if i >= 0})
    subgraph.tensors, place = _kept(subgraph.tensors, used)
    operator.inputs, operator.outputs = (
        [place[i] if i >= 0 else -1 for i in side]
        for side in (operator.inputs, operator.outputs)
    )
    subgraph.operators = [operator]
    subgraph.outputs = operator.outputs
    subgraph.inputs = [
        i
        for i in operator.inputs
        if i >= 0 and model.buffers[subgraph.tensors[i].buffer].data is None
    ]
    model.subgraphs, model.signatureDefs, model.metadata = [subgraph], [], []
    _drop_unused(model)
    return write(model)


def _drop_unused(model):
    """Drops the buffers and codes of operators that a file of one subgraph has no use
    for."""
    subgraph = model.subgraphs[0]
    # Buffer 0 is the empty one, by the schema.
    holders = [*subgraph.tensors, *_list(model.metadata)]
    model.buffers, place = _kept(model.buffers, {0} | {h.buffer for h in holders})
    for holder in holders:
        holder.buffer = place[holder.buffer]
    model.operatorCodes, place = _kept(
        model.operatorCodes, {operator.opcodeIndex for operator in subgraph.operators}
    )
    for operator in subgraph.operators:
        operator.opcodeIndex = place[operator.opcodeIndex]


def with_metadata(content, metadata, files):
    """A .tflite file with metadata and associated files in it.

    Args:
      content: bytes of the file.
      metadata: bytes, see `egsc_tf.export.litert.metadata`.
      files: {name: text}; they lie behind the flatbuffer as a zip archive, so that any
        unzip reads them.
    """
    model = read(content)
    buffer = schema.BufferT()
    buffer.data = list(metadata)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA, len(model.buffers) - 1
    model.metadata = [*_list(model.metadata), entry]
    whole = io.BytesIO(write(model))
    with zipfile.ZipFile(whole, "a") as archive:
        for name, text in files.items():
            # A fixed time, so that the same model gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name), text)
    return whole.getvalue()


def write(model):
    """A schema.ModelT -> the bytes of a .tflite file."""
    builder = _AlignedBuilder()
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _kept(items, indices):
    """(the items at these indices, {old index: new index})."""
    order = sorted(indices)
    return [items[i] for i in order], {old: new for new, old in enumerate(order)}


def _list(vector):
    """A vector of the generated classes, which is None where it is empty."""
    return [] if vector is None else list(vector)

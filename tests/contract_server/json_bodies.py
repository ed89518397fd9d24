"""JSON requests and answers of TensorFlow Serving's REST API.

    row form      {"instances": [...]}  ->  {"predictions": [...]}
    column form   {"inputs": ...}       ->  {"outputs": ...}

A single input needs no name in either form, and a single output never has one. Binary
strings are {"b64": ...}; of the outputs those whose name ends in _bytes. As there, the
column form ignores names that the signature does not have, the row form refuses them.
"""

import base64
import binascii
import json

import grpc
import numpy as np
import tensorflow as tf
from contract_server.servable import Refusal

INT32 = (tf.uint8, tf.int8, tf.int16, tf.int32)
FLOATS = (tf.float32, tf.float64)


def refuse(text):
    raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, text)


def parse(body):
    """bytes -> (signature name or "", the object). Raises Refusal."""
    try:
        request = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        refuse(f"JSON Parse error: {error}")
    if not isinstance(request, dict):
        refuse("JSON Value: Is not object")
    signature = request.get("signature_name", "")
    if not isinstance(signature, str):
        refuse("JSON Value: 'signature_name' key must be a string value.")
    return signature, request


def inputs_of(request, infos):
    """The object of a request -> ("row" or "column", {input: array}).

    Args:
      request: dict.
      infos: {input: TensorInfo} of the signature.
    """
    if "instances" in request and "inputs" in request:
        refuse("Expecting only one of 'inputs' or 'instances' keys to exist")
    if "instances" in request:
        return "row", _of_rows(request["instances"], infos)
    if "inputs" in request:
        return "column", _of_columns(request["inputs"], infos)
    return refuse("Missing 'inputs' or 'instances' key")


def answer(form, outputs):
    """{output: array} -> the JSON text of the answer in the request's form."""
    values = {
        name: _to_json(array.tolist(), name.endswith("_bytes"))
        for name, array in outputs.items()
    }
    if form == "column":
        value = values if len(values) > 1 else next(iter(values.values()))
        return json.dumps({"outputs": value})
    sizes = {array.shape[:1] for array in outputs.values()}
    if len(sizes) > 1 or () in sizes:
        refuse(f"Tensors have inconsistent batch sizes: {sorted(sizes)}")
    rows = [dict(zip(values, row)) for row in zip(*values.values())]
    if len(values) == 1:
        rows = next(iter(values.values()))
    return json.dumps({"predictions": rows})


def _is_named(value):
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value):
    return (
        isinstance(value, dict)
        and list(value) == ["b64"]
        and isinstance(value["b64"], str)
    )


def _of_rows(instances, infos):
    if not isinstance(instances, list) or not instances:
        refuse("Expecting 'instances' to be a list with values")
    named = _is_named(instances[0])
    if not named and len(infos) > 1:
        refuse("instances is a plain list, but expecting list of objects")
    columns = {name: [] for name in infos}
    for i, row in enumerate(instances):
        if _is_named(row) != named:
            refuse(f"Failed to process element: {i}: mix of objects and values")
        row = row if named else {next(iter(infos)): row}
        if set(row) != set(infos):
            refuse(f"Failed to process element: {i}: keys must be {sorted(infos)}")
        for name, value in row.items():
            columns[name].append(value)
    return {name: _array(values, infos[name]) for name, values in columns.items()}


def _of_columns(inputs, infos):
    if not _is_named(inputs):
        if len(infos) > 1:
            refuse("inputs is a plain value/list, but expecting an object")
        inputs = {next(iter(infos)): inputs}
    missing = sorted(set(infos) - set(inputs))
    if missing:
        refuse(f"Missing named input: {missing[0]} in 'inputs' object.")
    return {name: _array(inputs[name], info) for name, info in infos.items()}


def _array(value, info):
    """A JSON value -> an array of the input's type and of the value's own shape."""
    dtype, shape, first = tf.as_dtype(info.dtype), [], value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    flat = []
    _flatten(value, shape, dtype, flat)
    wide = np.int64 if dtype.is_integer else dtype.as_numpy_dtype
    return np.array(flat, wide).astype(dtype.as_numpy_dtype).reshape(shape)


def _flatten(value, shape, dtype, flat):
    if not isinstance(value, list):
        if shape:
            refuse("JSON Value found at incorrect level in the JSON DOM")
        flat.append(_scalar(value, dtype))
        return
    if not shape or len(value) != shape[0]:
        refuse(f"Encountered list at unexpected size: {len(value)}")
    for item in value:
        _flatten(item, shape[1:], dtype, flat)


def _scalar(value, dtype):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if dtype == tf.string and _is_base64(value):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError):
            refuse("Unable to base64 decode")
    if dtype == tf.string and isinstance(value, str):
        return value.encode(errors="replace")
    if dtype in INT32 and number and isinstance(value, int) and abs(value) < 2**31:
        return value
    if dtype in FLOATS and number:
        if isinstance(value, int) and abs(value) > 2**24 - 1:
            refuse("Cannot convert JSON value to float without loss of precision.")
        if np.isfinite(value) and abs(value) > dtype.max:
            refuse("Cannot convert JSON value to float without loss of precision.")
        return value
    return refuse(f"JSON Value is not of expected type: {dtype.name}")


def _to_json(value, as_bytes):
    if isinstance(value, list):
        return [_to_json(item, as_bytes) for item in value]
    if isinstance(value, bytes):
        text = base64.b64encode(value).decode()
        return {"b64": text} if as_bytes else value.decode(errors="replace")
    return value

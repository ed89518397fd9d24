"""A version of a model, loaded and run by the path that TensorFlow Serving takes.

That is the session loader with the tag "serve", signatures fed and fetched by the names
of their tensors, and the warm-up requests replayed before the version is served. As
there, nothing compares an input's shape with the signature's: the graph has to.
"""

import os
import threading

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import CallableOptions
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_log_pb2,
)

DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
WARMUP = os.path.join("assets.extra", "tf_serving_warmup_requests")
MOST_WARMUP_RECORDS = 1000
# A few bytes of a request can ask for any shape.
MOST_ELEMENTS = 2**28
# The fields of TensorProto that TensorFlow Serving fills; it leaves tensor_content out.
FIELDS = {tf.uint8: "int_val", tf.float32: "float_val"}
CODES = {code.value[0]: code for code in grpc.StatusCode}


class Refusal(Exception):
    """An answer that is an error: a grpc.StatusCode and a text."""

    def __init__(self, code, text):
        super().__init__(f"{code.name}: {text}")
        self.code, self.text = code, text


def to_proto(array):
    """An array -> TensorProto, its values in the field of their type."""
    dtype = tf.as_dtype(array.dtype)
    if dtype not in FIELDS:
        return tf.make_tensor_proto(array)
    proto = tf.make_tensor_proto(0, dtype, [])
    proto.Clear()
    proto.dtype = dtype.as_datatype_enum
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, FIELDS[dtype]).extend(array.ravel().tolist())
    return proto


def to_array(alias, proto):
    """TensorProto -> array. Raises Refusal."""
    shape = [dim.size for dim in proto.tensor_shape.dim]
    try:
        size = 1
        for side in shape:
            size *= side
        if proto.tensor_shape.unknown_rank or min(shape, default=0) < 0:
            raise ValueError(f"shape {shape}")
        if size > MOST_ELEMENTS:
            raise ValueError(f"{size} elements")
        return tf.make_ndarray(proto)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise Refusal(
            grpc.StatusCode.INVALID_ARGUMENT, f"tensor parsing error: {alias}"
        ) from error


class Servable:
    """One version. Raises Refusal where it does not load or a warm-up request fails.

    Attributes:
      signatures: {name: SignatureDef}.
    """

    def __init__(self, name, version, path):
        self.name, self.version = name, version
        self._lock, self._callables = threading.Lock(), {}
        try:
            graph = tf.Graph()
            self._session = tf.compat.v1.Session(graph=graph)
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(
                    self._session, [tf.saved_model.SERVING], path
                )
            self.signatures = dict(meta_graph.signature_def)
            self._warm_up(os.path.join(path, WARMUP))
        except tf.errors.OpError as error:
            raise Refusal(CODES[error.error_code], error.message) from error
        except OSError as error:
            raise Refusal(grpc.StatusCode.NOT_FOUND, str(error)) from error

    def metadata(self):
        """GetModelMetadataResponse with the signatures."""
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in self.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = self.name
        response.model_spec.version.value = self.version
        response.metadata["signature_def"].Pack(signatures)
        return response

    def predict(self, request, merging=None):
        """PredictRequest -> PredictResponse, merged with others by a merging.Merging
        where there is one. Raises Refusal."""
        name = request.model_spec.signature_name or DEFAULT
        wanted = tuple(request.output_filter)
        inputs = {alias: to_array(alias, p) for alias, p in request.inputs.items()}

        def run(inputs):
            return self.run(name, inputs, wanted)

        key = (self.version, name, wanted)
        outputs = merging.run(run, key, inputs) if merging else run(inputs)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = self.name
        response.model_spec.signature_name = name
        response.model_spec.version.value = self.version
        for alias, array in outputs.items():
            response.outputs[alias].CopyFrom(to_proto(array))
        return response

    def run(self, name, inputs, output_filter=()):
        """{input: array} -> {output: array} of a signature. Raises Refusal."""
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        if name not in self.signatures:
            raise Refusal(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found.',
            )
        signature = self.signatures[name]
        if signature.method_name != tf.saved_model.PREDICT_METHOD_NAME:
            raise Refusal(
                grpc.StatusCode.INTERNAL,
                f"Expected prediction signature method_name to be one of "
                f"{tf.saved_model.PREDICT_METHOD_NAME}. Was: {signature.method_name}",
            )
        extra = sorted(set(inputs) - set(signature.inputs))
        missing = sorted(set(signature.inputs) - set(inputs))
        if extra or missing:
            raise Refusal(
                invalid,
                f"input size does not match signature. Sent extra: {extra}. Missing "
                f"but required: {missing}.",
            )
        wrong = sorted(set(output_filter) - set(signature.outputs))
        if wrong or len(set(output_filter)) < len(output_filter):
            raise Refusal(
                invalid, f"output tensor alias not found in signature: {wrong}"
            )
        aliases = tuple(output_filter) or tuple(sorted(signature.outputs))
        feeds = [np.asarray(inputs[alias]) for alias in sorted(signature.inputs)]
        try:
            arrays = self._callable(name, aliases)(*feeds)
        except tf.errors.OpError as error:
            raise Refusal(CODES[error.error_code], error.message) from error
        return dict(zip(aliases, map(np.asarray, arrays)))

    def _callable(self, name, outputs):
        """The function of a signature's inputs, in order of their names."""
        signature = self.signatures[name]
        with self._lock:
            if (name, outputs) not in self._callables:
                options = CallableOptions(
                    feed=[signature.inputs[i].name for i in sorted(signature.inputs)],
                    fetch=[signature.outputs[o].name for o in outputs],
                )
                # Private, because Session.run compares the shapes of the placeholders
                # before the graph sees them, and TensorFlow Serving does not.
                function = self._session._make_callable_from_options(options)
                self._callables[name, outputs] = function
            return self._callables[name, outputs]

    def _warm_up(self, path):
        if not os.path.exists(path):
            return
        records = tf.data.TFRecordDataset(path).as_numpy_iterator()
        for count, record in enumerate(records, 1):
            log = prediction_log_pb2.PredictionLog.FromString(record)
            kind = log.WhichOneof("log_type")
            if kind != "predict_log":
                raise Refusal(
                    grpc.StatusCode.UNIMPLEMENTED, f"Unsupported log_type: {kind}"
                )
            self.predict(log.predict_log.request)
            if count > MOST_WARMUP_RECORDS:
                raise Refusal(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"Number of warmup records exceeds {MOST_WARMUP_RECORDS}",
                )

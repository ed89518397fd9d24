"""Calls over gRPC: tensorflow-serving-api's PredictionService."""

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

OPTIONS = (
    # gRPC's own limit is 4 MB, less than a batch of photographs.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # How long a channel waits before it connects anew: no longer than a call's retries.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


class GrpcTransport:
    """Asks an Endpoint; for many threads."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self._channel = grpc.insecure_channel(endpoint.url, options=OPTIONS)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def signatures(self):
        """{signature name: set of its inputs' names}. Raises CallFailed."""
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        self._address(request.model_spec)
        request.metadata_field.append("signature_def")
        response = self._ask("metadata", self._stub.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return {name: set(s.inputs) for name, s in signatures.signature_def.items()}

    def predict(self, signature, inputs):
        """The one output of a signature.

        Args:
          signature: its name.
          inputs: {name: list of bytes, or float32 array}.

        Returns:
          a list of bytes, or an array.

        Raises:
          CallFailed
        """
        request = predict_pb2.PredictRequest()
        self._address(request.model_spec)
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self._ask(f"signature {signature}", self._stub.Predict, request)
        (output,) = response.outputs.values()
        array = tf.make_ndarray(output)
        return array.tolist() if array.dtype == np.object_ else array

    def close(self):
        self._channel.close()

    def _address(self, spec):
        spec.name = self._endpoint.model
        if self._endpoint.version is not None:
            spec.version.value = self._endpoint.version

    def _ask(self, call, method, request):
        try:
            return method(request, timeout=self._endpoint.timeout)
        except grpc.RpcError as error:
            raise self._endpoint.failed(
                call, error.code().name, error.details()
            ) from error

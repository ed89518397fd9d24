"""A server that speaks TensorFlow Serving's protocol, where its binary is not at hand.

gRPC PredictionService (Predict, GetModelMetadata) and the REST API (predict, metadata,
status), every version of one model, on 127.0.0.1:

    with ContractServer("MODELS/NAME") as server:
        server.grpc_url, server.rest_url

By hand, with PYTHONPATH=tests:
`python -m contract_server.server --models=MODELS --name=NAME`.
"""

import argparse
import collections
import contextlib
import os
import threading
import time
from concurrent import futures

import grpc
from contract_server.merging import Merging
from contract_server.rest import RestServer
from contract_server.servable import Refusal
from contract_server.versions import Versions
from tensorflow_serving.apis import prediction_service_pb2_grpc

LONGEST_TEXT = 1024
LONGEST_WAIT = 20.0


class ContractServer:
    """Serves all versions of a model.

    Args:
      base_path: MODELS/NAME; NAME is the model's.
      grpc_port, rest_port: 0: free ones.
      merging: merging.Merging, where requests are to be merged.

    Raises:
      Refusal: where a version does not load, or there is none.

    Attributes:
      grpc_url, rest_url: HOST:PORT and http://HOST:PORT.
      versions: versions.Versions.
      calls: [(version, signature name as asked for, batch)] of the predictions.
      faults: deque; each prediction takes the first away. A grpc.StatusCode is answered
        in place of the prediction, a threading.Event is waited for.
    """

    def __init__(self, base_path, grpc_port=0, rest_port=0, merging=None):
        name = os.path.basename(os.path.normpath(base_path))
        self._merging = merging
        self.versions = Versions(name, base_path)
        self.calls, self.faults = [], collections.deque()
        self.closed = False
        self.refresh()
        for refusal in self.versions.failures.values():
            raise refusal
        self.versions.get(name)
        self._grpc = grpc.server(
            futures.ThreadPoolExecutor(16),
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            _PredictionService(self), self._grpc
        )
        port = self._grpc.add_insecure_port(f"127.0.0.1:{grpc_port}")
        self.grpc_url = f"127.0.0.1:{port}"
        self._rest = RestServer(self, rest_port)
        self.rest_url = f"http://127.0.0.1:{self._rest.server_port}"
        self._grpc.start()
        threading.Thread(target=self._rest.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed = True
        self._grpc.stop(None).wait()
        self._rest.shutdown()
        self._rest.server_close()

    def refresh(self):
        """What TensorFlow Serving does each second: looks for versions."""
        self.versions.refresh()

    def predict(self, servable, request):
        """PredictRequest -> PredictResponse, noted in `calls`. Raises Refusal."""
        shapes = [proto.tensor_shape.dim for proto in request.inputs.values()]
        batch = max((dims[0].size for dims in shapes if dims), default=0)
        self.calls.append((servable.version, request.model_spec.signature_name, batch))
        try:
            fault = self.faults.popleft()
        except IndexError:
            return servable.predict(request, self._merging)
        if not isinstance(fault, threading.Event):
            raise Refusal(fault, "asked for by the test")
        fault.wait(LONGEST_WAIT)
        return servable.predict(request, self._merging)


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, owner):
        self._owner = owner

    def Predict(self, request, context):  # noqa: N802
        return self._answer(self._owner.predict, request, context)

    def GetModelMetadata(self, request, context):  # noqa: N802
        return self._answer(self._get_metadata, request, context)

    def _answer(self, function, request, context):
        try:
            if not request.HasField("model_spec"):
                raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec")
            spec = request.model_spec
            version = spec.version.value if spec.HasField("version") else None
            return function(self._owner.versions.get(spec.name, version), request)
        except Refusal as refusal:
            text = refusal.text
            if len(text) > LONGEST_TEXT:
                text = text[:LONGEST_TEXT] + "...TRUNCATED"
            return context.abort(refusal.code, text)

    def _get_metadata(self, servable, request):
        fields = set(request.metadata_field)
        if fields != {"signature_def"}:
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"metadata_field: expected signature_def, found {sorted(fields)}",
            )
        return servable.metadata()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", required=True, help="folder of the models")
    parser.add_argument("--name", required=True, help="of the model, a folder in it")
    parser.add_argument("--grpc_port", type=int, default=8500)
    parser.add_argument("--rest_port", type=int, default=8501)
    parser.add_argument("--merge", action="store_true", help="merge requests")
    args = parser.parse_args()
    base_path = os.path.join(args.models, args.name)
    ports = args.grpc_port, args.rest_port
    merging = Merging() if args.merge else None
    with ContractServer(base_path, *ports, merging) as server:
        print(f"gRPC: {server.grpc_url}, REST: {server.rest_url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(1)
                server.refresh()


if __name__ == "__main__":
    main()

"""The REST half of the contract server: paths, status codes, connections."""

import http.server
import inspect
import json
import re
import urllib.parse

import grpc
import tensorflow as tf
from contract_server import json_bodies as contract_json
from contract_server.servable import DEFAULT, Refusal, to_proto
from google.protobuf import json_format
from tensorflow_serving.apis import predict_pb2

Code = grpc.StatusCode
HTTP = {
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}
MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?"
POST = re.compile(MODEL + ":predict")
GET = re.compile(MODEL + "(?P<metadata>/metadata)?")

# "Print fields of no value, too": protobuf renamed it in 5.26.
DEFAULTS = "always_print_fields_with_no_presence"
if DEFAULTS not in inspect.signature(json_format.MessageToDict).parameters:
    DEFAULTS = "including_default_value_fields"


class RestServer(http.server.ThreadingHTTPServer):
    """Serves for `owner`, a ContractServer."""

    daemon_threads = True

    def __init__(self, owner, port):
        self.owner = owner
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open, as the real server's do
    # The header and the body are two writes: else the body waits for the client's word
    # that the header came, 40 ms.
    disable_nagle_algorithm = True

    def do_GET(self):  # noqa: N802
        self._answer(GET, self._describe)

    def do_POST(self):  # noqa: N802
        self._answer(POST, self._predict)

    def log_message(self, *_):
        pass

    def _answer(self, pattern, function):
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        if self.server.owner.closed or not length.isdecimal():
            self.close_connection = True
            return
        try:
            found = pattern.fullmatch(self.path)
            if not found:
                raise Refusal(
                    Code.INVALID_ARGUMENT,
                    f"Malformed request: {self.command} {self.path}",
                )
            status, text = 200, function(found, body)
        except Refusal as refusal:
            status = HTTP.get(refusal.code, 500)
            text = json.dumps({"error": refusal.text})
        data = text.encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except ConnectionError:  # The client did not wait.
            self.close_connection = True

    def _model(self, found):
        name = urllib.parse.unquote(found["name"])
        return name, found["version"] and int(found["version"])

    def _predict(self, found, body):
        name, version = self._model(found)
        signature, instance = contract_json.parse(body)
        servable = self.server.owner.versions.get(name, version)
        wanted = signature or DEFAULT
        if wanted not in servable.signatures:
            contract_json.refuse(
                f'Serving signature name: "{wanted}" not found in signature def'
            )
        infos = servable.signatures[wanted].inputs
        if not infos:
            contract_json.refuse(f"Failed to get input map for signature: {wanted}")
        form, inputs = contract_json.inputs_of(instance, infos)
        request = predict_pb2.PredictRequest()
        request.model_spec.signature_name = signature
        for alias, array in inputs.items():
            request.inputs[alias].CopyFrom(to_proto(array))
        response = self.server.owner.predict(servable, request)
        outputs = {a: tf.make_ndarray(p) for a, p in response.outputs.items()}
        return contract_json.answer(form, outputs)

    def _describe(self, found, _):
        name, version = self._model(found)
        versions = self.server.owner.versions
        if found["metadata"]:
            answer = json_format.MessageToDict(
                versions.get(name, version).metadata(),
                preserving_proto_field_name=True,
                **{DEFAULTS: True},
            )
            del answer["metadata"]["signature_def"]["@type"]
            return json.dumps(answer)
        versions.get(name, version)
        numbers = [version] if version is not None else versions.available()
        available = {
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        statuses = [{"version": str(n), **available} for n in reversed(numbers)]
        return json.dumps({"model_version_status": statuses})

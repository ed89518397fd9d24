"""Calls over TensorFlow Serving's REST API, in its column form."""

import base64
import threading
import urllib.parse

import numpy as np
import requests

CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestTransport:
    """Asks an Endpoint; for many threads, each with a connection of its own."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        version = "" if endpoint.version is None else f"/versions/{endpoint.version}"
        model = urllib.parse.quote(endpoint.model, safe="")
        self._root = f"{endpoint.url.rstrip('/')}/v1/models/{model}{version}"
        self._local = threading.local()
        self._sessions = []

    def signatures(self):
        """{signature name: set of its inputs' names}. Raises CallFailed."""
        answer = self._ask("metadata", "GET", "/metadata")
        try:
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            return {name: set(s["inputs"]) for name, s in signatures.items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise self._unexpected("metadata", answer) from error

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
        call = f"signature {signature}"
        body = {
            "signature_name": signature,
            "inputs": {name: _to_json(value) for name, value in inputs.items()},
        }
        answer = self._ask(call, "POST", ":predict", body)
        try:
            return _from_json(answer["outputs"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise self._unexpected(call, answer) from error

    def close(self):
        for session in self._sessions:
            session.close()

    def _session(self):
        # requests does not say that threads may share one.
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._sessions.append(self._local.session)
        return self._local.session

    def _ask(self, call, method, path, body=None):
        """The JSON of an answer."""
        timeout = self._endpoint.timeout
        try:
            response = self._session().request(
                method, self._root + path, json=body, timeout=timeout
            )
        except requests.Timeout as error:
            raise self._endpoint.failed(
                call, "DEADLINE_EXCEEDED", f"no answer in {timeout:g} s"
            ) from error
        except requests.ConnectionError as error:
            # What urllib3 found is shorter than what it says of its own attempts.
            reason = getattr(error.args[0], "reason", error)
            if "BadStatusLine" in str(reason):
                raise self._endpoint.failed(
                    call, "FAILED", "no HTTP is spoken there; with --grpc, HOST:PORT?"
                ) from error
            raise self._endpoint.failed(call, "UNAVAILABLE", str(reason)) from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise self._endpoint.failed(
                call, "UNAVAILABLE", f"an answer that broke off: {error}"
            ) from error
        except requests.RequestException as error:
            raise self._endpoint.failed(call, "FAILED", str(error)) from error
        try:
            answer = response.json()
        except ValueError:
            answer = response.text
        if response.status_code != 200:
            code = CODES.get(response.status_code, f"HTTP {response.status_code}")
            text = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise self._endpoint.failed(call, code, str(text))
        return answer

    def _unexpected(self, call, answer):
        return self._endpoint.failed(
            call, "FAILED", f"expected an answer of TensorFlow Serving, found {answer}"
        )


def _to_json(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [{"b64": base64.b64encode(data).decode()} for data in value]


def _from_json(value):
    if isinstance(value[0], dict):
        return [base64.b64decode(item["b64"]) for item in value]
    return np.array(value, np.float32)

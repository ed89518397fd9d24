"""Translates image files through a server: `python -m egsc_tf.export.client --url=... `

Over REST (--url=http://HOST:8501) or gRPC (--url=HOST:8500 --grpc). Each exemplar's
style is encoded once. Outputs are named and paired as egsc_tf.translate does.

In Python:

    with Client("http://localhost:8501", "faces") as client:
        (png,) = client.translate_bytes([jpeg], [exemplar_jpeg], direction="a2b")
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json
import os
import threading
from typing import Optional

import numpy as np

from egsc_tf.domains import split
from egsc_tf.errors import UserError
from egsc_tf.export.clients import folder, load
from egsc_tf.export.clients.call import REFUSED, CallFailed, Endpoint, with_retries
from egsc_tf.inference.pairing import FileFlags, Strength, inputs_and_exemplars, report
from egsc_tf.runtime import extras
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import like, setting

TIMEOUT = 60.0
RETRIES = 5


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's own flags."""

    url: str = setting(None, "http://HOST:PORT; with --grpc HOST:PORT.", required=True)
    grpc: bool = setting(False, "Speak gRPC in place of REST.")
    model: str = setting(None, "Its name at the server.", required=True)
    version: Optional[int] = setting(None, "Its version; default: the latest.", least=1)
    strength: float = like(Strength, "strength")
    timeout: float = setting(TIMEOUT, "Seconds that an attempt may take.", least=0.001)
    retries: int = setting(
        RETRIES,
        "Further attempts where the server does not answer: 5 last about 2 seconds, 12 "
        "half a minute.",
        least=0,
    )
    concurrency: int = setting(4, "Requests under way at once.", least=1)
    batch_size: int = setting(1, "Contents of one request.", least=1)
    own_size: bool = setting(
        False,
        "Translate at the images' own sizes, as egsc_tf.translate does, up to the "
        "model's bound; otherwise at the size of the export, scaled back.",
    )
    bench: float = setting(
        0.0,
        "Seconds: in place of translating, load the server by 1, 4, ... up to "
        "--concurrency clients for so long each, with the first exemplar. Writes "
        "OUTPUT/bench.json.",
        least=0.0,
    )


class Client:
    """Asks a served model; its methods may be called from many threads.

    Args:
      url: http://HOST:PORT, or for gRPC HOST:PORT.
      model: its name at the server.
      grpc: whether to speak gRPC.
      version: its number, or None for the latest.
      timeout: seconds that an attempt may take.
      retries: how often to ask again where the server is unavailable, overloaded or too
        slow; a request that it refuses is not sent again.

    Attributes:
      model: its name and version.

    Raises:
      UserError: for a url of the other protocol, or packages that are missing. Methods
        raise CallFailed, a UserError naming url, model and signature.
    """

    def __init__(
        self, url, model, grpc=False, version=None, timeout=TIMEOUT, retries=RETRIES
    ):
        if grpc == ("://" in url) or "/v1/" in url:
            expected = "HOST:PORT for gRPC" if grpc else "http://HOST:PORT for REST"
            raise UserError(f"--url={url}: expected {expected}")
        try:
            if grpc:
                from egsc_tf.export.clients.grpc import GrpcTransport as Transport
            else:
                from egsc_tf.export.clients.rest import RestTransport as Transport
        except ImportError as error:
            raise extras.missing("serving", error) from error
        self._endpoint = Endpoint(url, model, version, timeout)
        self._transport = Transport(self._endpoint)
        self.model = f"{model}/{'latest' if version is None else version}"
        self._retries = retries
        self._lock, self._signatures = threading.Lock(), None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._transport.close()

    def translate_bytes(self, content, exemplar, direction="a2b", own_size=False):
        """Encoded images in the style of encoded exemplars.

        Args:
          content, exemplar: lists [B] of the bytes of JPEG or PNG files.
          direction: "a2b" or "b2a".
          own_size: whether the images are translated at their own sizes, up to a bound
            that the model card names; else at the size of the export, and scaled back.

        Returns:
          a list [B] of the bytes of PNG files, each of its content's size.
        """
        return self._predict(
            "translate_own_size" if own_size else "translate_bytes",
            direction,
            {"content_bytes": list(content), "exemplar_bytes": list(exemplar)},
        )

    def encode_style_bytes(self, exemplar, direction="a2b", own_size=False):
        """The style codes float32 [B, 2C] of a list [B] of encoded exemplars."""
        return self._predict(
            "encode_style_own_size" if own_size else "encode_style_bytes",
            direction,
            {"exemplar_bytes": list(exemplar)},
        )

    def translate_with_style_bytes(
        self, content, style, strength=1.0, direction="a2b", own_size=False
    ):
        """As translate_bytes, with style codes in place of exemplars.

        Args:
          content: list [B] of the bytes of JPEG or PNG files.
          style: [B, 2C] or [1, 2C], from encode_style_bytes of the same direction.
          strength: scalar or [B], 0 (the content's own look) to 1.
          direction: "a2b" or "b2a".
          own_size: see translate_bytes.
        """
        style, rows = np.asarray(style, np.float32), len(content)
        inputs = {
            "content_bytes": list(content),
            "style": np.broadcast_to(style, [rows, style.shape[-1]]),
            "strength": np.broadcast_to(np.float32(strength), [rows]),
        }
        part = "translate_with_style_own_size"
        return self._predict(
            part if own_size else "translate_with_style_bytes", direction, inputs
        )

    def _predict(self, part, direction, inputs):
        signature = self._signature(part, direction)
        return with_retries(
            lambda: self._transport.predict(signature, inputs), self._retries
        )

    def _known(self):
        """The transport's `signatures`. Raises CallFailed, never of what was sent."""
        try:
            return self._transport.signatures()
        except CallFailed as error:
            if error.code == REFUSED:  # no image's fault: the address's
                error.code = "FAILED"
            raise

    def _signature(self, part, direction):
        """The name of a part's signature, from what the server says that it has.

        Those of b2a end in _b2a. serving_default is a2b's translation of encoded
        images, but b2a's in an export of b2a alone, which has no `translate`.
        """
        split(direction)
        with self._lock:
            if self._signatures is None:
                self._signatures = with_retries(self._known, self._retries)
        name = f"{part}_{direction}"
        if direction == "a2b":
            name = "serving_default" if part == "translate_bytes" else part
        needed = "translate" if name == "serving_default" else name
        if needed not in self._signatures:
            found = ", ".join(sorted(n for n in self._signatures if n[0] != "_"))
            raise self._endpoint.failed(
                f"direction {direction}",
                "NOT_FOUND",
                f"expected a signature {needed}, found {found}",
            )
        return name


def _bench(client, inputs, exemplar, flags, files):
    path = os.path.join(files.output, "bench.json")
    found = {"url": flags.url, "model": client.model, "batch_size": flags.batch_size}
    rows = []
    print(load.HEAD)
    for row in load.measure(
        client,
        inputs,
        exemplar,
        files.direction,
        flags.strength,
        flags.batch_size,
        flags.concurrency,
        flags.bench,
        flags.own_size,
    ):
        rows.append(row)
        print(load.line(row), flush=True)
        write_whole(path, json.dumps({**found, "loads": rows}, indent=2))
    print(f"written: {path}")
    return 0


def main(flags, files):
    inputs, exemplars = inputs_and_exemplars(files)
    with Client(
        flags.url, flags.model, flags.grpc, flags.version, flags.timeout, flags.retries
    ) as client:
        if flags.bench:
            return _bench(client, inputs, exemplars[0], flags, files)
        written, left_out = folder.translate_files(
            client,
            inputs,
            exemplars,
            files.output,
            files.direction,
            files.pairing,
            flags.strength,
            flags.batch_size,
            flags.concurrency,
            flags.own_size,
            files.overwrite,
        )
    report(inputs, exemplars, files.output, written, left_out)
    return 2 if left_out else 0


if __name__ == "__main__":
    run(main, Flags, FileFlags)

"""The client against the contract server."""

import http.server
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest
from contract_server.server import ContractServer
from PIL import Image
from support import toy_saved_model
from support.odd_images import whole_files
from support.paths import REPOSITORY
from support.programs import refusal

from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.export.client import Client
from egsc_tf.export.clients import call, load
from egsc_tf.export.clients import folder as client_folder
from egsc_tf.export.clients.call import CallFailed
from egsc_tf.inference.pairing import find_images

Code = grpc.StatusCode
BOTH = pytest.mark.parametrize("over_grpc", [False, True], ids=["rest", "grpc"])


def encoded(level, form="PNG", height=4, width=5):
    """The bytes of a flat image."""
    file = io.BytesIO()
    pixels = np.full((height, width, 3), level, np.uint8)
    Image.fromarray(pixels).save(file, format=form)
    return file.getvalue()


def decoded(data):
    """[H, W, 3] of the bytes of a PNG file."""
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        return np.asarray(image)


def level(data):
    """The one grey level of a flat PNG file."""
    (value,) = set(decoded(data).ravel().tolist())
    return value


def save(folder, **images):
    """Files of these bytes in a new folder -> its path."""
    folder.mkdir()
    for name, data in images.items():
        (folder / f"{name}.png").write_bytes(data)
    return str(folder)


def levels(folder):
    """{file name: grey level} of a folder of flat images."""
    return {p.name: level(p.read_bytes()) for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def base_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "toy"
    toy_saved_model.write(str(path / "1"), tint=3)
    toy_saved_model.write(str(path / "2"))
    return path


@pytest.fixture(scope="module")
def module_server(base_path):
    with ContractServer(str(base_path)) as server:
        yield server


@pytest.fixture
def server(module_server):
    module_server.calls.clear()
    module_server.faults.clear()
    return module_server


@pytest.fixture
def waits(monkeypatch):
    """The waits between attempts, in seconds; none is really waited for."""
    waits = []
    monkeypatch.setattr(call, "sleep", waits.append)
    return waits


@pytest.fixture
def connect(server):
    """Client(...) of the server, closed after the test."""
    clients = []

    def connect(over_grpc, model="toy", **kwargs):
        url = server.grpc_url if over_grpc else server.rest_url
        clients.append(Client(url, model, grpc=over_grpc, **kwargs))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@BOTH
@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_images_are_translated(connect, over_grpc, direction):
    client = connect(over_grpc)
    contents = [encoded(100, height=4, width=6), encoded(50, "JPEG", 9, 8)]
    exemplars = [encoded(10), encoded(30, width=12)]
    made = client.translate_bytes(contents, exemplars, direction)
    assert [decoded(i).shape for i in made] == [(4, 6, 3), (9, 8, 3)]
    expected = [
        toy_saved_model.expected(100, 10, direction),
        toy_saved_model.expected(50, 30, direction),
    ]
    assert [level(i) for i in made] == expected
    style = client.encode_style_bytes(exemplars, direction)
    np.testing.assert_array_equal(style, [[10] * 3 + [5] * 3, [30] * 3 + [15] * 3])
    assert style.dtype == np.float32
    again = client.translate_with_style_bytes(contents, style, direction=direction)
    assert again == made
    one = client.translate_with_style_bytes(contents, style[:1], direction=direction)
    assert (one[0] == made[0], one[1] == made[1]) == (True, False)
    weaker = client.translate_with_style_bytes(contents, style, [0.5, 0], direction)
    expected = [
        toy_saved_model.expected(100, 10, direction, 0.5),
        toy_saved_model.expected(50, 30, direction, 0),
    ]
    assert [level(i) for i in weaker] == expected


def test_rest_and_grpc_give_the_same_bytes(connect):
    noise = np.random.RandomState(0).randint(0, 256, (2, 9, 7, 3), np.uint8)
    files = []
    for pixels in noise:
        files.append(io.BytesIO())
        Image.fromarray(pixels).save(files[-1], format="PNG")
    content, exemplar = ([file.getvalue()] for file in files)
    by_rest, by_grpc = connect(False), connect(True)
    style = by_rest.encode_style_bytes(exemplar)
    assert style.tobytes() == by_grpc.encode_style_bytes(exemplar).tobytes()
    assert len(np.unique(style)) == 6
    for client in (by_rest, by_grpc):
        assert client.translate_bytes(content, exemplar) == [
            *by_grpc.translate_with_style_bytes(content, style)
        ]
    assert by_rest.translate_with_style_bytes(
        content, style, 0.3
    ) == by_grpc.translate_with_style_bytes(content, style, 0.3)


@BOTH
def test_a_version_can_be_asked_for(connect, over_grpc):
    content, exemplar = [encoded(100)], [encoded(10)]
    latest = connect(over_grpc).translate_bytes(content, exemplar)
    first = connect(over_grpc, version=1).translate_bytes(content, exemplar)
    assert [level(latest[0]), level(first[0])] == [55, 58]


@BOTH
def test_messages_may_be_large(connect, over_grpc):
    pixels = np.random.RandomState(0).randint(0, 256, (1300, 1200, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", compress_level=0)
    assert len(file.getvalue()) > 4 * 2**20
    style = np.zeros([1, 6])
    (image,) = connect(over_grpc).translate_with_style_bytes(
        [file.getvalue()], style, 0
    )
    assert len(image) > 4 * 2**20
    np.testing.assert_array_equal(decoded(image), pixels)


@BOTH
def test_every_input_gets_every_style_under_its_name(
    connect, server, over_grpc, tmp_path
):
    inputs = find_images(
        save(tmp_path / "in", **{f"x{i}": encoded(20 * i) for i in range(9)})
    )
    exemplars = find_images(
        save(tmp_path / "ex", **{f"s{i}": encoded(100 + 50 * i) for i in range(3)})
    )
    written, left_out = client_folder.translate_files(
        connect(over_grpc), inputs, exemplars, str(tmp_path / "out"), concurrency=8
    )
    assert (written, left_out) == (27, [])
    assert levels(tmp_path / "out") == {
        f"x{i}_s{j}.png": toy_saved_model.expected(20 * i, 100 + 50 * j)
        for i in range(9)
        for j in range(3)
    }
    asked = sorted(signature for _, signature, _ in server.calls)
    assert asked == ["encode_style_bytes"] * 3 + ["translate_with_style_bytes"] * 27


@BOTH
def test_batches_pairs_direction_and_strength(connect, server, over_grpc, tmp_path):
    inputs = find_images(
        save(tmp_path / "in", **{f"x{i}": encoded(20 * i) for i in range(5)})
    )
    exemplars = find_images(
        save(tmp_path / "ex", **{f"s{i}": encoded(100 + 10 * i) for i in range(5)})
    )
    client, out = connect(over_grpc), tmp_path / "out"
    options = {"direction": "b2a", "pairing": "zip", "strength": 0.5, "batch_size": 2}
    written, left_out = client_folder.translate_files(
        client, inputs, exemplars, str(out), **options
    )
    assert (written, left_out) == (5, [])
    assert levels(out) == {
        f"x{i}.png": toy_saved_model.expected(20 * i, 100 + 10 * i, "b2a", 0.5)
        for i in range(5)
    }
    assert sorted((name, batch) for _, name, batch in server.calls) == [
        ("encode_style_bytes_b2a", 1),
        ("encode_style_bytes_b2a", 2),
        ("encode_style_bytes_b2a", 2),
        ("translate_with_style_bytes_b2a", 1),
        ("translate_with_style_bytes_b2a", 2),
        ("translate_with_style_bytes_b2a", 2),
    ]
    with pytest.raises(UserError, match="--pairing=zip: expected as many inputs"):
        client_folder.translate_files(
            client, inputs, exemplars[1:], str(out), pairing="zip"
        )


@BOTH
def test_what_is_refused_is_left_out(connect, server, over_grpc, tmp_path):
    contents = {f"x{i}": encoded(20 * i) for i in range(5)}
    broken = encoded(1)[:40]
    inputs = find_images(save(tmp_path / "in", **contents, x9=broken))
    exemplars = find_images(save(tmp_path / "ex", bad=broken, good=encoded(50)))
    client, out = connect(over_grpc), tmp_path / "out"
    written, left_out = client_folder.translate_files(
        client, inputs, exemplars, str(out), batch_size=3
    )
    assert written == 5
    assert sorted(levels(out)) == [f"x{i}_good.png" for i in range(5)]
    assert len(left_out) == 2
    for message, path in zip(left_out, (exemplars[0], inputs[-1])):
        assert message.startswith(f"{path}: ")
        assert "model toy, signature " in message
        assert "INVALID_ARGUMENT: " in message
        assert "\n" not in message
    # A batch of three that holds a bad one is asked for once more, one by one.
    batches = [batch for _, name, batch in server.calls if name.startswith("translate")]
    assert sorted(batches) == [1, 1, 1, 3, 3]
    with pytest.raises(UserError, match="--exemplar: expected a usable image"):
        client_folder.translate_files(client, inputs, exemplars[:1], str(out))


def test_what_training_reads_is_sent_as_png(connect, tmp_path):
    """JPEG and PNG go as they are; what the server could not read, as its pixels."""
    (tmp_path / "in").mkdir()
    for i, (ending, data) in enumerate(whole_files()):
        (tmp_path / "in" / f"{i}{ending}").write_bytes(data)
    files = find_images(str(tmp_path / "in"))
    for path in files:
        data = client_folder.sent(path)
        kept = data == open(path, "rb").read()  # noqa: SIM115
        pixels = images.read(path)
        assert kept or (images.read_bytes(data, path) == pixels).all()
        with Image.open(path) as image:
            assert kept == (image.format in ("JPEG", "PNG") and image.mode != "CMYK")
    styles = [files[0]]
    written, left_out = client_folder.translate_files(
        connect(False), files, styles, str(tmp_path / "out")
    )
    assert (written, left_out) == (len(files), [])


def test_own_size_asks_for_other_signatures(connect, server, tmp_path):
    path = find_images(save(tmp_path / "in", x=encoded(100)))
    for out in ("a", "b"):
        written, _ = client_folder.translate_files(
            connect(False), path, path, str(tmp_path / out), own_size=out == "b"
        )
        assert written == 1
    asked = [signature for _, signature, _ in server.calls]
    assert asked == [
        "encode_style_bytes",
        "translate_with_style_bytes",
        "encode_style_own_size",
        "translate_with_style_own_size",
    ]
    with pytest.raises(UserError, match="--overwrite"):
        client_folder.translate_files(connect(False), path, path, str(tmp_path / "b"))
    both = [encoded(100)], [encoded(10)]
    for over_grpc in (False, True):
        (made,) = connect(over_grpc).translate_bytes(*both, "b2a", own_size=True)
        assert level(made) == toy_saved_model.expected(100, 10, "b2a")
    assert server.calls[-1][1] == "translate_own_size_b2a"


def test_results_of_another_exemplar_are_not_replaced(connect, tmp_path):
    inputs = find_images(save(tmp_path / "in", x=encoded(100), y=encoded(50)))
    exemplars = find_images(save(tmp_path / "ex", s=encoded(10), t=encoded(200)))
    out = tmp_path / "out"

    def start(exemplar, **options):
        return client_folder.translate_files(
            connect(False), inputs, [exemplar], str(out), **options
        )

    start(exemplars[0])
    start(exemplars[0])
    made = levels(out)
    with pytest.raises(UserError, match=r"x\.png: .*exemplar=s\.png.*, and 1 more"):
        start(exemplars[1])
    assert levels(out) == made
    start(exemplars[1], overwrite=True)
    assert levels(out) == {
        "x.png": toy_saved_model.expected(100, 200),
        "y.png": toy_saved_model.expected(50, 200),
    }


def test_names_that_are_too_long_are_cut(connect, tmp_path):
    inputs = find_images(save(tmp_path / "in", **{"日" * 45: encoded(100)}))
    exemplars = find_images(
        save(tmp_path / "ex", **{x * 45: encoded(9) for x in "月木"})
    )
    out = tmp_path / "out"
    written, left_out = client_folder.translate_files(
        connect(False), inputs, exemplars, str(out)
    )
    assert (written, left_out, len(os.listdir(out))) == (2, [], 2)


def test_what_cannot_be_read_is_left_out_without_waiting(connect, tmp_path):
    folder = save(tmp_path / "in", x0=encoded(10), x1=encoded(20))
    os.mkfifo(os.path.join(folder, "pipe.png"))
    (tmp_path / "style.png").write_bytes(encoded(50))
    written, left_out = client_folder.translate_files(
        connect(False),
        find_images(folder),
        [str(tmp_path / "style.png")],
        str(tmp_path / "out"),
        batch_size=2,
    )
    assert written == 2
    (message,) = left_out
    assert message.startswith(f"{folder}/pipe.png: expected an image, found: a pipe")


@BOTH
def test_another_failure_ends_the_run(connect, server, over_grpc, tmp_path):
    inputs = find_images(
        save(tmp_path / "in", **{f"x{i}": encoded(i) for i in range(100)})
    )
    (tmp_path / "style.png").write_bytes(encoded(1))
    no_fault = threading.Event()
    no_fault.set()
    server.faults.extend([no_fault, *[Code.INTERNAL] * 100])
    with pytest.raises(CallFailed, match=r"signature translate_with_.*asked for"):
        client_folder.translate_files(
            connect(over_grpc),
            inputs,
            [str(tmp_path / "style.png")],
            str(tmp_path / "out"),
        )
    assert len(server.calls) < 50
    assert not (tmp_path / "out").exists()


@BOTH
def test_a_server_is_asked_once_what_it_has(connect, monkeypatch, over_grpc):
    client, asked = connect(over_grpc), []
    ask = client._transport.signatures
    monkeypatch.setattr(
        client._transport, "signatures", lambda: asked.append("metadata") or ask()
    )
    for _ in range(3):
        client.encode_style_bytes([encoded(1)])
    assert asked == ["metadata"]


@BOTH
def test_a_passing_fault_is_waited_out(connect, server, waits, over_grpc):
    client = connect(over_grpc)
    server.faults.extend([Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE])
    (image,) = client.translate_bytes([encoded(100)], [encoded(10)])
    assert level(image) == 55
    assert len(server.calls) == 4
    assert len(waits) == 3
    for wait, longest in zip(waits, (0.1, 0.2, 0.4)):
        assert longest / 2 <= wait <= longest


@BOTH
def test_retries_end(connect, server, waits, over_grpc):
    client = connect(over_grpc, retries=2)
    server.faults.extend([Code.UNAVAILABLE] * 9)
    with pytest.raises(CallFailed) as error:
        client.encode_style_bytes([encoded(1)])
    assert error.value.code == "UNAVAILABLE"
    assert len(server.calls) == 3
    assert len(waits) == 2


@BOTH
def test_a_refusal_is_not_asked_again(connect, server, waits, over_grpc):
    client = connect(over_grpc)
    with pytest.raises(CallFailed) as error:
        client.encode_style_bytes([b"no image"])
    assert error.value.code == "INVALID_ARGUMENT"
    server.faults.append(Code.INTERNAL)
    with pytest.raises(CallFailed):
        client.encode_style_bytes([encoded(1)])
    assert len(server.calls) == 2
    assert waits == []


@BOTH
def test_an_attempt_has_a_deadline(connect, server, over_grpc):
    held = threading.Event()
    server.faults.append(held)
    try:
        with pytest.raises(CallFailed) as error:
            connect(over_grpc, timeout=0.5, retries=0).encode_style_bytes([encoded(1)])
    finally:
        held.set()
    assert error.value.code == "DEADLINE_EXCEEDED"


@BOTH
def test_a_late_answer_is_asked_for_again(connect, server, monkeypatch, over_grpc):
    held = threading.Event()
    monkeypatch.setattr(call, "sleep", lambda _: held.set())
    server.faults.append(held)
    client = connect(over_grpc, timeout=0.5, retries=50)
    assert client.encode_style_bytes([encoded(4)])[0, 0] == 4
    assert held.is_set()


@BOTH
def test_an_unreachable_server_is_named(waits, over_grpc):
    url = f"127.0.0.1:{free_port()}"
    url = url if over_grpc else f"http://{url}"
    client = Client(url, "toy", grpc=over_grpc, retries=3)
    with pytest.raises(CallFailed) as error:
        client.encode_style_bytes([encoded(1)])
    assert str(error.value).startswith(f"{url}, model toy, metadata: UNAVAILABLE: ")
    assert "refused" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(waits) == 3
    client.close()


@BOTH
def test_a_server_that_starts_late_is_waited_for(base_path, monkeypatch, over_grpc):
    port, servers = free_port(), []
    url = f"127.0.0.1:{port}" if over_grpc else f"http://127.0.0.1:{port}"
    ports = {"grpc_port" if over_grpc else "rest_port": port}

    def wait(seconds):
        if not servers:
            servers.append(ContractServer(str(base_path), **ports))
        time.sleep(seconds)

    monkeypatch.setattr(call, "sleep", wait)
    with Client(url, "toy", grpc=over_grpc, retries=20) as client:
        assert client.encode_style_bytes([encoded(4)])[0, 0] == 4
    servers[0].close()


@BOTH
def test_an_unknown_model_version_or_signature_is_named(connect, over_grpc):
    for client, wanted in (
        (connect(over_grpc, "other"), "model other, metadata: NOT_FOUND: "),
        (connect(over_grpc, version=7), "model toy version 7, metadata: NOT_FOUND: "),
    ):
        with pytest.raises(CallFailed, match=wanted):
            client.encode_style_bytes([encoded(1)])
    with pytest.raises(CallFailed, match="signature none: .*not found"):
        connect(over_grpc)._transport.predict("none", {})
    with pytest.raises(ValueError, match="expected one of .*a2b.*found 'c2d'"):
        connect(over_grpc).encode_style_bytes([encoded(1)], "c2d")


@pytest.mark.parametrize(
    ("direction", "other", "missing"),
    [("a2b", "b2a", "translate_bytes_b2a"), ("b2a", "a2b", "translate")],
)
def test_an_export_of_one_direction_is_not_taken_for_the_other(
    tmp_path, direction, other, missing
):
    toy_saved_model.write(str(tmp_path / "toy" / "1"), directions=(direction,))
    with ContractServer(str(tmp_path / "toy")) as server:
        for over_grpc, url in ((False, server.rest_url), (True, server.grpc_url)):
            with Client(url, "toy", over_grpc) as client:
                pair = [encoded(100)], [encoded(10)]
                (image,) = client.translate_bytes(*pair, direction)
                assert level(image) == toy_saved_model.expected(100, 10, direction)
                with pytest.raises(
                    CallFailed,
                    match=f"direction {other}: NOT_FOUND: expected a signature "
                    f"{missing}, found encode_style",
                ):
                    client.translate_bytes(*pair, other)


@pytest.mark.parametrize(
    ("url", "over_grpc", "expected"),
    [
        ("127.0.0.1:8501", False, "http://HOST:PORT for REST"),
        ("http://127.0.0.1:8500", True, "HOST:PORT for gRPC"),
    ],
)
def test_a_url_of_the_other_protocol_is_refused(url, over_grpc, expected):
    with pytest.raises(UserError, match=f"--url={url}: expected {expected}"):
        Client(url, "toy", grpc=over_grpc)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {}, "FAILED: .*<html> hello</html>"),
        (502, {}, "HTTP 502: .*<html> hello</html>"),
        # It may come whole another time.
        (200, {"Content-Length": "1000"}, "UNAVAILABLE: an answer that broke off"),
    ],
)
def test_another_answer_than_a_servers_is_reported(status, headers, expected):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            self.send_response(status)
            for header in headers.items():
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(b"<html>\nhello</html>")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as other:
        threading.Thread(target=other.handle_request, daemon=True).start()
        client = Client(f"http://127.0.0.1:{other.server_port}", "toy", retries=0)
        with pytest.raises(CallFailed, match=expected):
            client.encode_style_bytes([encoded(1)])
        client.close()


def test_the_program(server, tmp_path):
    """One start each, at the same time: starting is what takes long."""
    images = save(tmp_path / "in", x=encoded(100), y=encoded(50))
    broken = save(tmp_path / "broken", x=encoded(100), y=encoded(100)[:40])
    (tmp_path / "style.png").write_bytes(encoded(10))
    nowhere = f"http://127.0.0.1:{free_port()}"
    grpc_flags = ["--grpc", "--direction=b2a", "--strength=0.5", "--version=1"]
    starts = {
        "rest": [f"--url={server.rest_url}", f"--input={broken}"],
        "grpc": [f"--url={server.grpc_url}", f"--input={images}", *grpc_flags],
        "nowhere": [f"--url={nowhere}", f"--input={images}", "--retries=1"],
    }
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", "egsc_tf.export.client", "--model=toy", *flags]
            + [f"--exemplar={tmp_path / 'style.png'}", f"--output={tmp_path / name}"],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, flags in starts.items()
    }
    output = {name: p.communicate(timeout=120)[0] for name, p in processes.items()}
    assert not [text for text in output.values() if "Traceback" in text]
    codes = {name: process.returncode for name, process in processes.items()}
    assert codes == {"rest": 2, "grpc": 0, "nowhere": 2}
    assert levels(tmp_path / "rest") == {"x.png": 55}
    assert f"left out: {broken}/y.png: {server.rest_url}, model toy" in output["rest"]
    assert "2 inputs, 1 exemplar: 1 image written" in output["rest"]
    assert levels(tmp_path / "grpc") == {
        f"{name}.png": toy_saved_model.expected(content, 10, "b2a", 0.5, tint=3)
        for name, content in (("x", 100), ("y", 50))
    }
    assert "left out" not in output["grpc"]
    assert f"error: {nowhere}, model toy, metadata: UNAVAILABLE: " in output["nowhere"]


@pytest.mark.parametrize(("most", "expected"), [(1, [1]), (4, [1, 4]), (6, [1, 4, 6])])
def test_loads_grow_to_the_most(most, expected):
    assert load.loads(most) == expected


@BOTH
def test_a_load_counts_every_answer_but_the_first(over_grpc, connect, server, tmp_path):
    names = save(tmp_path / "in", x=encoded(100), y=encoded(50))
    paths = [f"{names}/x.png", f"{names}/y.png"]
    client = connect(over_grpc)
    rows = [
        *load.measure(
            *(client, paths, paths[0], "b2a"), batch_size=2, most=3, seconds=0.1
        )
    ]
    assert [row["clients"] for row in rows] == [1, 3]
    asked = [batch for _, name, batch in server.calls if name.startswith("translate")]
    assert set(asked) == {2}
    assert len(asked) == sum(row["clients"] + row["requests"] for row in rows)
    for row in rows:
        assert row["requests"] >= row["clients"]
        assert 0.0 < row["p50_s"] <= row["p99_s"] <= row["largest_s"]
        assert row["images_per_s"] == 2 * row["requests_per_s"]
    assert f"| 3 | {rows[1]['requests_per_s']:.2f} |" in load.line(rows[1])


@pytest.mark.parametrize("answered", [1, 3])  # the first of each load, and later
def test_a_load_ends_with_the_first_failure(answered, connect, server, tmp_path):
    names = save(tmp_path / "in", x=encoded(100))
    no_fault = threading.Event()
    no_fault.set()
    server.faults.extend([no_fault] * (1 + answered) + [Code.INTERNAL] * 100)
    path = [f"{names}/x.png"]
    with pytest.raises(CallFailed, match="HTTP 500"):
        [*load.measure(connect(False, retries=0), path, path[0], most=4, seconds=5.0)]


def test_the_program_writes_what_it_measured(server, tmp_path):
    names = save(tmp_path / "in", x=encoded(100))
    flags = [f"--url={server.rest_url}", "--model=toy", f"--input={names}"]
    flags += [f"--exemplar={names}/x.png", f"--output={tmp_path / 'out'}"]
    code, told = refusal("export.client", *flags, "--bench=0.1", "--concurrency=2")
    assert code == 0
    assert "| clients | requests/s |" in told
    found = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert [row["clients"] for row in found["loads"]] == [1, 2]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bench.json"]


def test_loads_that_were_measured_are_kept_where_a_later_one_fails(server, tmp_path):
    names = save(tmp_path / "in", x=encoded(100))
    no_fault = threading.Event()
    no_fault.set()
    server.faults.extend([no_fault] * 3 + [Code.INTERNAL] * 1000)
    flags = [f"--url={server.rest_url}", "--model=toy", f"--input={names}"]
    flags += [f"--exemplar={names}/x.png", f"--output={tmp_path / 'out'}"]
    load_for = ["--bench=0.0001", "--concurrency=2", "--retries=0"]
    code, told = refusal("export.client", *flags, *load_for)
    assert code == 2
    assert "HTTP 500" in told
    found = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert [row["clients"] for row in found["loads"]] == [1]


def test_a_wrong_address_is_not_laid_on_the_exemplar(server, tmp_path):
    names = save(tmp_path / "in", x=encoded(100))
    flags = ["--model=toy", f"--input={names}", f"--exemplar={names}/x.png"]
    flags += [f"--output={tmp_path / 'out'}", "--retries=0"]
    url = f"{server.rest_url}/v1/models/toy"
    _, told = refusal("export.client", *flags, f"--url={url}")
    assert f"--url={url}: expected http://HOST:PORT for REST" in told
    _, told = refusal("export.client", *flags, f"--url={server.rest_url}/elsewhere")
    assert "model toy, metadata: INVALID_ARGUMENT: Malformed request" in told
    assert "--exemplar" not in told
    _, told = refusal("export.client", *flags, f"--url=http://{server.grpc_url}")
    assert "no HTTP is spoken there; with --grpc, HOST:PORT?" in told


def test_rest_needs_neither_tensorflow_nor_grpc():
    code = (
        "import sys; from egsc_tf.export.client import Client; Client('http://x', 'm');"
        "sys.exit(bool({'tensorflow', 'grpc'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)

"""The exported model behind the server: the same images everywhere, and no bad request
that stops it."""

import base64
import json
import os
import random
import shutil
import subprocess
import time

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from contract_server.server import ContractServer
from support import runs
from support.pictures import noise, png
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from egsc_tf.data import images
from egsc_tf.export.client import Client
from egsc_tf.export.saved_model import Settings, export
from egsc_tf.run import restore

MALFORMED = 1000


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.untrained(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def model(workdir, tmp_path_factory):
    """MODELS/tiny with two versions, of the same weights; one has warm-up requests."""
    output = str(tmp_path_factory.mktemp("models") / "tiny")
    settings = Settings(batch_sizes=(1, 2), max_pixels=2**14, max_batch_pixels=2**14)
    export(workdir, output, settings)
    shutil.copytree(
        os.path.join(output, "1"),
        os.path.join(output, "2"),
        ignore=shutil.ignore_patterns("assets.extra"),
    )
    return output


@pytest.fixture(scope="module")
def server(model):
    # Loading replays the warm-up requests, and fails where one fails.
    with ContractServer(model) as running:
        yield running


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(server.grpc_url) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def request_of(signature, inputs, version=None):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "tiny"
    request.model_spec.signature_name = signature
    if version:
        request.model_spec.version.value = version
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def over_grpc(stub, signature, version=None, **inputs):
    response = stub.Predict(request_of(signature, inputs, version))
    return {k: tf.make_ndarray(v) for k, v in response.outputs.items()}


def over_rest(server, signature, form="inputs", version=None, **inputs):
    def plain(value):
        if isinstance(value, bytes):
            return {"b64": base64.b64encode(value).decode()}
        return value.tolist() if hasattr(value, "tolist") else list(map(plain, value))

    values = {name: plain(value) for name, value in inputs.items()}
    if form == "instances":
        values = [dict(zip(values, row)) for row in zip(*values.values())]
    where = f"/versions/{version}" if version else ""
    answer = requests.post(
        f"{server.rest_url}/v1/models/tiny{where}:predict",
        json={"signature_name": signature, form: values},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["outputs" if form == "inputs" else "predictions"]


def in_a_session(version, signature, **inputs):
    """What TensorFlow Serving does: loads with tags, runs by names of tensors."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], version)
        found = meta.signature_def[signature]
        return session.run(
            {name: info.name for name, info in found.outputs.items()},
            {found.inputs[name].name: value for name, value in inputs.items()},
        )


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("direction", "suffix"), [("a2b", ""), ("b2a", "_b2a")])
def test_the_same_image_from_everywhere(
    workdir, model, server, stub, direction, suffix, batch
):
    content, exemplar = noise(batch, 16, 20, 3), noise(batch, 18, 16, 3, seed=1)
    name = "translate" + suffix
    both = {"content": content, "exemplar": exemplar}
    translator = restore.load(workdir)
    checkpoint = images.to_uint8(
        translator.translate(*map(images.to_float, both.values()), direction)
    )
    loaded = tf.saved_model.load(os.path.join(model, "2")).signatures[name]
    found = {
        "SavedModel": loaded(**{k: tf.constant(v) for k, v in both.items()})["image"],
        "session": in_a_session(os.path.join(model, "2"), name, **both)["image"],
        "gRPC": over_grpc(stub, name, **both)["image"],
        "version 1": over_grpc(stub, name, version=1, **both)["image"],
        "REST columns": over_rest(server, name, **both),
        "REST rows": over_rest(server, name, "instances", **both),
    }
    assert checkpoint.std() > 1
    for where, image in found.items():
        errors = np.abs(np.asarray(image).astype(int) - checkpoint)
        assert errors.max() <= 1, where


def test_encoded_images_and_styles_over_both_protocols(server, stub):
    content, exemplar = [png(noise(16, 16, 3, seed=i)) for i in range(2)]
    whole = over_grpc(stub, "translate", content=noise(1, 16, 16, 3),
                      exemplar=noise(1, 16, 16, 3, seed=1))["image"][0]  # fmt: skip
    files = {"content_bytes": [content], "exemplar_bytes": [exemplar]}
    (by_grpc,) = over_grpc(stub, "serving_default", **files)["image_bytes"]
    (by_rest,) = over_rest(server, "serving_default", "instances", **files)
    assert base64.b64decode(by_rest["b64"]) == by_grpc
    assert (images.read_bytes(by_grpc, "gRPC") == whole).all()
    for url, grpc_too in ((server.rest_url, False), (server.grpc_url, True)):
        with Client(url, "tiny", grpc_too) as client:
            style = client.encode_style_bytes([exemplar])
            assert style.shape == (1, 16)
            (image,) = client.translate_with_style_bytes([content], style, [1.0])
            assert image == by_grpc
            (image,) = client.translate_bytes([content], [exemplar], own_size=True)
            assert image == by_grpc  # of the size of the export


def sound(dice):
    """(signature, valid inputs) of a random part."""
    suffix = dice.choice(["", "_b2a"])
    side = dice.choice([8, 16, 19])
    pixels = noise(1, side, side, 3, seed=dice.randrange(99))
    file = [png(pixels[0])]
    style = np.zeros([1, 16], np.float32)
    strength = np.ones([1], np.float32)
    name, inputs = dice.choice(
        [
            ("translate_bytes", {"content_bytes": file, "exemplar_bytes": file}),
            ("translate", {"content": pixels, "exemplar": pixels}),
            ("encode_style", {"exemplar": pixels}),
            ("encode_style_bytes", {"exemplar_bytes": file}),
            (
                "translate_with_style",
                {"content": pixels, "style": style, "strength": strength},
            ),
            (
                "translate_with_style_bytes",
                {"content_bytes": file, "style": style, "strength": strength},
            ),
            ("translate_own_size", {"content_bytes": file, "exemplar_bytes": file}),
            ("encode_style_own_size", {"exemplar_bytes": file}),
            (
                "translate_with_style_own_size",
                {"content_bytes": file, "style": style, "strength": strength},
            ),
            ("feature_mask", {"content": pixels}),
        ]
    )
    if name == "translate_bytes" and not suffix:
        return "serving_default", inputs
    return name + suffix, inputs


def broken_bytes(dice, data):
    """Bytes that are no image, made from those of a PNG."""
    start = dice.randrange(8)
    return dice.choice(
        [
            b"",
            dice.randbytes(dice.randrange(1, 200)),
            data[: dice.randrange(len(data) - 20)],
            data[:start] + dice.randbytes(1) + data[start + 1 :] + b"?"
            if data[start : start + 1] != b"?"
            else b"?",
            data[:16] + dice.randbytes(8) + data[24:],
            b"\xff\xd8\xff" + data,
            b"\xff\xd8\xff\xe0" + dice.randbytes(40),
            data[:33] + dice.randbytes(len(data) - 33),
        ]
    )


def broken_shape(dice, value):
    """The same numbers with another rank, too few or many channels, nothing in it."""
    if value.ndim == 4:
        channels = dice.choice([0, 1, 2, 4, 6])
        other = np.zeros([*value.shape[:3], channels], value.dtype)
        rows = np.concatenate([value, value])
        small = value[:, : dice.randrange(8)]
        huge = np.zeros([1, 129, 128, 3], value.dtype)
        options = [other, rows, small, huge, value[0], value[None], value[:0]]
    elif value.ndim == 2:
        width = dice.choice([0, 1, 8, 15, 17, 32])
        options = [
            np.zeros([1, width], value.dtype),
            np.zeros([2, 16], value.dtype),
            value[0],
            value[None],
        ]
    else:
        options = [value[:0], np.concatenate([value, value]), value[None], value[0]]
    return dice.choice(options)


def malform(dice, inputs):
    """Spoils one thing of valid inputs, for sure."""
    name = dice.choice(sorted(inputs))
    value = inputs[name]
    way = dice.choice(["missing", "extra", "dtype", "value", "shape", "shape"])
    if way == "missing":
        return {k: v for k, v in inputs.items() if k != name}
    if way == "extra":
        return {**inputs, f"{name}_": value}
    if name.endswith("_bytes"):
        if way == "dtype":
            return {**inputs, name: np.zeros([1], np.float32)}
        if way == "shape":
            wrong = dice.choice([[], [value], value[0], value * 2])
            if len(inputs) == 1 and wrong == value * 2:
                wrong = [value]  # two rows of a lone input are right
            wrong = np.array(wrong, object) if len(wrong) else np.zeros([0], "S1")
            return {**inputs, name: wrong}
        return {**inputs, name: [broken_bytes(dice, value[0])]}
    if way == "dtype":
        kinds = [np.float64, np.int32, np.int64, np.bool_, np.float16]
        return {**inputs, name: value.astype(dice.choice(kinds))}
    if way == "value" and value.dtype == np.float32:
        wrong = [np.nan, np.inf, -np.inf] + [2.0, -0.1] * (name == "strength")
        return {**inputs, name: np.full_like(value, dice.choice(wrong))}
    spoilt = broken_shape(dice, value)
    if len(inputs) == 1 and spoilt.ndim == 4 and len(spoilt) == 2:
        spoilt = spoilt[:0]  # two rows of a lone input are right
    return {**inputs, name: spoilt}


def refusal(stub, request):
    """(status code or None, answer or None, text or None) of a request."""
    try:
        return None, stub.Predict(request), None
    except grpc.RpcError as error:
        return error.code(), None, error.details()


def test_malformed_requests_get_an_error_and_the_next_good_one_is_right(server, stub):
    dice = random.Random(11)
    good = {"content": noise(1, 16, 16, 3), "exemplar": noise(1, 16, 16, 3, seed=1)}
    right = over_grpc(stub, "translate", **good)["image"]
    for i in range(MALFORMED):
        signature, inputs = sound(dice)
        spoilt = malform(dice, inputs)
        found, answer, text = refusal(stub, request_of(signature, spoilt))
        assert found is grpc.StatusCode.INVALID_ARGUMENT, (
            i,
            signature,
            {name: np.shape(value) for name, value in spoilt.items()},
            answer,
            text,
        )
        if i % 100 == 99:
            assert (over_grpc(stub, "translate", **good)["image"] == right).all()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"inputs": 3}',
        b'{"instances": [{"content": [[[[1, 2, 3]]]]}]}',
        b'{"signature_name": "translate", "instances": [{"content": "x"}]}',
        b'{"signature_name": "none", "inputs": {}}',
        b'{"inputs": {"content_bytes": [{"b64": "!"}], "exemplar_bytes": ["x"]}}',
        b'{"inputs": {"content_bytes": ["x"], "exemplar_bytes": ["x"]}}',
        b"\xff\xfe" * 50,
        b"[" * 5000,
    ],
)
def test_malformed_json_is_a_bad_request(server, body):
    url = f"{server.rest_url}/v1/models/tiny:predict"
    answer = requests.post(url, data=body, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.tensorflow_serving
def test_the_real_server_gives_the_same_image(model, tmp_path):
    binary = shutil.which("tensorflow_model_server")
    if binary is None:
        pytest.skip("tensorflow_model_server is not on PATH")
    version = os.path.join(model, "2")
    content, exemplar = noise(1, 16, 20, 3), noise(1, 18, 16, 3, seed=1)
    loaded = tf.saved_model.load(version).signatures["translate"]
    expected = loaded(content=tf.constant(content), exemplar=tf.constant(exemplar))
    command = [binary, "--rest_api_port=18501", "--port=18500", "--model_name=tiny"]
    process = subprocess.Popen([*command, f"--model_base_path={model}"])
    try:
        for _ in range(120):
            time.sleep(1)
            try:
                answer = requests.post(
                    "http://127.0.0.1:18501/v1/models/tiny:predict",
                    data=json.dumps(
                        {
                            "signature_name": "translate",
                            "inputs": {
                                "content": content.tolist(),
                                "exemplar": exemplar.tolist(),
                            },
                        }
                    ),
                    timeout=60,
                )
                break
            except requests.ConnectionError:
                continue
        found = np.array(answer.json()["outputs"])
        assert np.abs(found - expected["image"].numpy()).max() <= 1
    finally:
        process.kill()

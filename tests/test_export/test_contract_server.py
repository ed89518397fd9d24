"""The contract server keeps TensorFlow Serving's rules."""

import base64
import io
import json
import os
import shutil

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from contract_server.merging import Merging
from contract_server.servable import Refusal
from contract_server.server import ContractServer
from PIL import Image
from support import toy_saved_model
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

# Of the stand-in for TensorFlow Serving, not of the product.
pytestmark = pytest.mark.slow

Code = grpc.StatusCode


def png(level, height=4, width=5):
    file = io.BytesIO()
    pixels = np.full((height, width, 3), level, np.uint8)
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


@pytest.fixture(scope="module")
def base_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "toy"
    toy_saved_model.write(str(path / "2"), tint=0)
    toy_saved_model.write(str(path / "10"), tint=1)
    return path


@pytest.fixture(scope="module", params=[None, Merging()], ids=["alone", "merged"])
def server(base_path, request):
    with ContractServer(str(base_path), merging=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(server.grpc_url) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict_request(signature, version=None, model="toy", **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def post(server, body, path="/v1/models/toy:predict"):
    """(HTTP status, JSON) of a POST; `body` is text or an object."""
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    answer = requests.post(server.rest_url + path, data=data, timeout=20)
    return answer.status_code, answer.json()


IMAGES = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)


def test_rows_and_columns_give_the_same(server):
    style = [[float(i)] * 6 for i in range(2)]
    columns = {"content": IMAGES.tolist(), "style": style, "strength": [0.25, 1]}
    rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
    signature = {"signature_name": "translate_with_style"}
    by_row = post(server, {**signature, "instances": rows})
    by_column = post(server, {**signature, "inputs": columns})
    assert by_row[0] == by_column[0] == 200
    assert set(by_row[1]) == {"predictions"}
    assert by_row[1]["predictions"] == by_column[1]["outputs"]
    assert np.shape(by_row[1]["predictions"]) == (2, 3, 4, 3)


def test_a_single_input_needs_no_name(server):
    data = b64(png(100))
    signature = {"signature_name": "encode_style_bytes"}
    named_rows = post(server, {**signature, "instances": [{"exemplar_bytes": data}]})
    plain_rows = post(server, {**signature, "instances": [data]})
    named_column = post(server, {**signature, "inputs": {"exemplar_bytes": [data]}})
    plain_column = post(server, {**signature, "inputs": [data]})
    assert named_rows == plain_rows == (200, {"predictions": [[100] * 3 + [50] * 3]})
    assert named_column == plain_column == (200, {"outputs": [[100] * 3 + [50] * 3]})


def test_outputs_named_bytes_are_base64(server):
    row = {"content_bytes": b64(png(90)), "exemplar_bytes": b64(png(10))}
    status, answer = post(server, {"instances": [row]})
    assert status == 200
    (item,) = answer["predictions"]
    with Image.open(io.BytesIO(base64.b64decode(item["b64"]))) as image:
        assert image.format == "PNG"
        assert image.getpixel((0, 0)) == (51, 51, 51)


MASK = {"signature_name": "feature_mask"}
PIXEL = [[[0, 0, 0]]]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{", "JSON Parse error"),
        (b"\xff\xfe", "JSON Parse error"),
        ("[" * 100000, "JSON Parse error"),
        ("[]", "Is not object"),
        ({}, "Missing 'inputs' or 'instances'"),
        ({"inputs": [], "instances": []}, "only one of"),
        ({"signature_name": 3, "inputs": []}, "'signature_name' key must be a string"),
        ({"signature_name": "none", "inputs": []}, '"none" not found'),
        (
            {"signature_name": "__saved_model_init_op", "inputs": []},
            "Failed to get input map",
        ),
        ({"instances": []}, "'instances' to be a list with values"),
        ({"instances": [b64(b"x")]}, "expecting list of objects"),
        ({"instances": [{"content_bytes": b64(b"x")}]}, "element: 0: keys must be"),
        ({"inputs": [b64(b"x")]}, "expecting an object"),
        ({"inputs": {"content_bytes": [b64(b"x")]}}, "named input: exemplar_bytes"),
        ({**MASK, "instances": [PIXEL, {"content": PIXEL}]}, "mix of objects"),
        ({**MASK, "instances": [{"content": PIXEL, "more": 1}]}, "keys must be"),
        ({**MASK, "inputs": [[PIXEL], 3]}, "at incorrect level"),
        ({**MASK, "inputs": [[PIXEL], [[]]]}, "unexpected size"),
        ({**MASK, "inputs": [[[[0, 0, [1]]]]]}, "unexpected size"),
        ({**MASK, "inputs": [[[[0, 0.5, 0]]]]}, "not of expected type: uint8"),
        ({**MASK, "inputs": [[[[0, True, 0]]]]}, "not of expected type: uint8"),
        ({**MASK, "inputs": [[[["0", 1, 0]]]]}, "not of expected type: uint8"),
        (
            {"signature_name": "encode_style_bytes", "inputs": [{"b64": "?"}]},
            "Unable to base64 decode",
        ),
        (
            {"signature_name": "encode_style_bytes", "inputs": [3]},
            "not of expected type: string",
        ),
        (
            {"signature_name": "encode_style_bytes", "inputs": ["no image"]},
            "Unknown image file format",
        ),
    ],
)
def test_a_bad_request_gets_400_and_a_text(server, body, text):
    status, answer = post(server, body)
    assert status == 400
    assert text in answer["error"]


def test_rest_paths(server):
    body = {**MASK, "inputs": [PIXEL]}
    toy = "/v1/models/toy"
    assert post(server, body, f"{toy}/versions/2:predict")[0] == 200
    assert post(server, body, f"{toy}/versions/3:predict") == (
        404,
        {"error": "Servable not found for request: Specific(toy, 3)"},
    )
    assert post(server, body, "/v1/models/other:predict") == (
        404,
        {"error": "Servable not found for request: Latest(other)"},
    )
    for path in ("/", f"{toy}:guess", f"{toy}/versions/x:predict", toy):
        status, answer = post(server, body, path)
        assert status == 400
        assert answer["error"].startswith("Malformed request: POST /")
    get = requests.get(server.rest_url + toy, timeout=20).json()
    states = [(s["version"], s["state"]) for s in get["model_version_status"]]
    assert states == [("10", "AVAILABLE"), ("2", "AVAILABLE")]


def test_metadata_is_the_same_over_both_protocols(server, stub):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "toy"
    request.model_spec.version.value = 2
    request.metadata_field.append("signature_def")
    response = stub.GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    url = server.rest_url + "/v1/models/toy/versions/2/metadata"
    answer = requests.get(url, timeout=20).json()
    assert answer["model_spec"]["name"] == response.model_spec.name == "toy"
    assert answer["model_spec"]["version"] == "2"
    by_rest = answer["metadata"]["signature_def"]["signature_def"]
    assert set(by_rest) == set(signatures.signature_def)
    for name in ("translate", "translate_bytes_b2a"):
        by_grpc = signatures.signature_def[name].inputs
        assert set(by_rest[name]["inputs"]) == set(by_grpc)
    content = by_rest["translate"]["inputs"]["content"]
    assert content["dtype"] == "DT_UINT8"
    assert [d["size"] for d in content["tensor_shape"]["dim"]] == ["-1"] * 3 + ["3"]


def test_grpc_answers_with_the_latest_version_and_its_name(stub):
    latest = stub.Predict(predict_request("translate", content=IMAGES, exemplar=IMAGES))
    older = stub.Predict(
        predict_request("translate", 2, content=IMAGES, exemplar=IMAGES)
    )
    assert latest.model_spec.version.value == 10
    assert older.model_spec.version.value == 2
    assert latest.model_spec.signature_name == "translate"
    images = [tf.make_ndarray(r.outputs["image"]) for r in (older, latest)]
    assert images[0].shape == IMAGES.shape
    np.testing.assert_array_equal(images[0] + 1, images[1])


def misshapen(size):
    request = predict_request("feature_mask", content=IMAGES)
    request.inputs["content"].tensor_shape.dim[0].size = size
    return request


def one_value_for(size):
    """One value stands for all of a tensor: a few bytes ask for `size` of them."""
    request = misshapen(size)
    request.inputs["content"].tensor_content = b""
    request.inputs["content"].int_val.append(0)
    return request


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (predict_pb2.PredictRequest(), Code.INVALID_ARGUMENT, "Missing ModelSpec"),
        (predict_request("", model="other"), Code.NOT_FOUND, "Latest(other)"),
        (predict_request("", version=3), Code.NOT_FOUND, "Specific(toy, 3)"),
        (predict_request("none"), Code.FAILED_PRECONDITION, 'key "none" not found'),
        (predict_request("translate", content=IMAGES), Code.INVALID_ARGUMENT, "exemp"),
        (predict_request("translate"), Code.INVALID_ARGUMENT, "exemplar"),
        (
            predict_request("feature_mask", content=IMAGES, more=IMAGES),
            Code.INVALID_ARGUMENT,
            "Sent extra: ['more']",
        ),
        (
            predict_request("feature_mask", content=IMAGES / 2),
            Code.INVALID_ARGUMENT,
            "double vs. expect uint8",
        ),
        (misshapen(-1), Code.INVALID_ARGUMENT, "tensor parsing error: content"),
        (misshapen(7), Code.INVALID_ARGUMENT, "tensor parsing error: content"),
        (one_value_for(2**50), Code.INVALID_ARGUMENT, "tensor parsing error: content"),
        (
            predict_request("encode_style_bytes", exemplar_bytes=[b"no image"]),
            Code.INVALID_ARGUMENT,
            "Unknown image file format",
        ),
    ],
)
def test_a_bad_request_gets_a_status(stub, request_, code, text):
    with pytest.raises(grpc.RpcError) as error:
        stub.Predict(request_)
    assert error.value.code() == code
    assert text in error.value.details()


def test_shapes_are_left_to_the_graph(stub):
    # The toy's mask takes any shape; TensorFlow Serving would let this through too.
    response = stub.Predict(predict_request("feature_mask", content=IMAGES[0, 0]))
    assert tf.make_ndarray(response.outputs["mask"]).shape == (4, 3)


def test_only_the_outputs_asked_for(stub):
    request = predict_request("feature_mask", content=IMAGES)
    request.output_filter.append("none")
    with pytest.raises(grpc.RpcError, match="alias not found in signature"):
        stub.Predict(request)


def test_versions_come_and_go(base_path, tmp_path):
    toy = tmp_path / "toy"
    shutil.copytree(base_path / "2", toy / "2")
    with ContractServer(str(toy)) as server:

        def found():
            server.refresh()
            return server.versions.available()

        shutil.copytree(base_path / "10", toy / ".10.part")
        (toy / "11").mkdir()
        assert found() == [2]
        assert list(server.versions.failures) == [11]
        os.rename(toy / ".10.part", toy / "10")
        assert found() == [2, 10]
        shutil.rmtree(toy / "2")
        assert found() == [10]
        assert server.versions.get("toy").version == 10


def test_a_model_without_versions_is_refused(tmp_path):
    with pytest.raises(Refusal, match=r"NOT_FOUND: .*Latest"):
        ContractServer(str(tmp_path))


@pytest.mark.parametrize("data", [png(3), b"no image"], ids=["good", "bad"])
def test_warm_up_requests_decide_about_loading(base_path, tmp_path, data):
    toy = tmp_path / "toy"
    shutil.copytree(base_path / "2", toy / "2")
    good = predict_request("feature_mask", content=IMAGES)
    last = predict_request("encode_style_bytes", exemplar_bytes=[data])
    toy_saved_model.write_warmup(str(toy / "2"), [good, last])
    if data == b"no image":
        with pytest.raises(Refusal, match="Unknown image file format"):
            ContractServer(str(toy))
    else:
        with ContractServer(str(toy)) as server:
            assert server.versions.available() == [2]


def test_a_broken_warm_up_file_fails_the_load(base_path, tmp_path):
    toy = tmp_path / "toy"
    shutil.copytree(base_path / "2", toy / "2")
    extra = toy / "2" / "assets.extra"
    extra.mkdir()
    (extra / "tf_serving_warmup_requests").write_bytes(b"no TFRecord" * 10)
    with pytest.raises(Refusal, match="DATA_LOSS"):
        ContractServer(str(toy))

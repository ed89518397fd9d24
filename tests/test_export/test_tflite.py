"""The .tflite files of a run: results, operators, metadata, report; what is refused."""

import collections
import io
import json
import os
import subprocess
import sys
import zipfile

import flatbuffers
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import OpResolverType
from support import runs
from support.files import save_noise

from egsc_tf.config import Config
from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.export import run_tflite, tflite
from egsc_tf.export.litert import (
    calibration,
    files,
    flatbuffer,
    parity,
    profile,
    variants,
)
from egsc_tf.export.litert import graph as tflite_graph
from egsc_tf.export.litert import pairs as tflite_pairs
from egsc_tf.export.litert import report as tflite_report
from egsc_tf.export.litert.interpreter import Interpreter
from egsc_tf.models.translator import Translator
from egsc_tf.run import restore
from egsc_tf.runtime.keras import keras

QUICK = {"pairs": 3, "calibration_pairs": 4, "runs": 1}
FLOAT32, INT8 = 0, 9  # of schema.TensorType


def program(*flags):
    """(exit code, stdout, stderr) of the exporter."""
    done = subprocess.run(
        [sys.executable, "-m", "egsc_tf.export.tflite", *map(str, flags)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.untrained(tmp_path_factory.mktemp("run"), output="leaky_tanh")


@pytest.fixture(scope="module")
def exported(workdir, tmp_path_factory):
    """(folder, stdout) of one command that exports all variants."""
    output = tmp_path_factory.mktemp("tflite")
    flags = [f"--{name}={value}" for name, value in QUICK.items()]
    code, stdout, stderr = program(f"--workdir={workdir}", f"--output={output}", *flags)
    assert code == 0, stderr
    return output, stdout


def content_of(exported, name):
    return (exported[0] / f"a2b_{name}.tflite").read_bytes()


def test_one_command_writes_three_files_a_variant_and_the_report(exported):
    output, stdout = exported
    report = json.loads((output / "report.json").read_text())
    assert list(report["variants"]) == list(variants.FLOORS)
    names = {"report.json", "report.md"}
    for variant, entry in report["variants"].items():
        assert entry["psnr"] >= variants.FLOORS[variant] == entry["floor"]
        assert entry["written"]
        assert entry["psnr_worst"] <= entry["psnr"]
        assert len(entry["files"]) == 3
        for name, size in entry["files"].items():
            assert (output / name).stat().st_size == size
        assert entry["bytes"] == max(entry["files"].values())
        for part in (entry, entry["encode_style"], entry["translate"]):
            assert set(part["latency_ms"]) == {"1_thread", "2_threads"}
            assert min(part["latency_ms"].values()) > 0
        assert entry["times_tensorflow"] > 0
        assert 1 < entry["split_speedup"] < 100
        assert entry["peak_memory_bytes"] > 0
        assert entry["operators"]["CONV_2D"] > 10
        names.update(entry["files"])
    assert names == set(os.listdir(output))
    sizes = {name: entry["bytes"] for name, entry in report["variants"].items()}
    assert sizes["float16"] < sizes["float32"]
    assert tflite_report.table(report) in stdout
    assert tflite_report.table(report) in (output / "report.md").read_text()
    assert report["settings"]["steps"] == 0
    assert report["settings"]["versions"]["tensorflow"] == tf.__version__


def test_int8_float_norm_is_better_than_int8(exported):
    report = json.loads((exported[0] / "report.json").read_text())["variants"]
    assert report["int8_float_norm"]["psnr"] > report["int8"]["psnr"] > 30


@pytest.mark.parametrize("variant", variants.FLOORS)
def test_operators_are_built_in_and_shapes_fixed(exported, variant):
    content = content_of(exported, variant)
    operators = flatbuffer.operators(content)
    assert not {"CUSTOM", "BROADCAST_TO", "SHAPE", "PAD"} & set(operators)
    # Before the first convolutions of the two signatures, and nowhere else.
    assert operators["MIRROR_PAD"] == 2
    for name, shape in flatbuffer.tensors(content):
        assert len(shape) <= 4, name
        assert -1 not in shape, name
    for signature in ("encode_style", "translate"):
        only = Interpreter(model_content=content).get_signature_runner(signature)
        for name, detail in only.get_input_details().items():
            assert list(detail["shape"]) == ([1, 16] if name == "style" else SIZE)
            assert detail["dtype"] == (np.float32 if name == "style" else np.uint8)


@pytest.mark.parametrize("variant", ["float32", "dynamic", "int8"])
def test_the_profile_times_each_operator_alone(exported, variant):
    content = content_of(exported, variant)
    found = collections.Counter()
    for signature in ("encode_style", "translate"):
        rows, whole = profile.profile(content, signature, runs=1)
        assert whole > 0
        assert [row["ms"] for row in rows] == sorted(
            (row["ms"] for row in rows), reverse=True
        )
        for row in rows:
            name = row["operator"].partition(" + ")[0]
            found[name] += row["count"]
            assert (row["gflops"] is None) == (name not in CONVOLUTIONS)
        text = profile.table(rows, whole)
        assert text.count("\n") == len(rows) + 3
    assert found == flatbuffer.operators(content)


def test_one_operator_alone_computes_what_it_does_in_its_file(exported):
    """The first convolution of translate, with its weights in the file."""
    content = flatbuffer.only(content_of(exported, "float32"), "translate")
    model = flatbuffer.read(content)
    number = next(
        n
        for n, operator in enumerate(model.subgraphs[0].operators)
        if flatbuffer.name_of(model, operator) == "CONV_2D"
    )
    alone = flatbuffer.alone(content, number)
    assert flatbuffer.operators(alone) == {"CONV_2D": 1}
    whole = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    whole.allocate_tensors()
    random = np.random.RandomState(0)
    for detail in whole.get_input_details():
        whole.set_tensor(
            detail["index"],
            random.uniform(0, 255, detail["shape"]).astype(detail["dtype"]),
        )
    whole.invoke()
    operator = model.subgraphs[0].operators[number]
    one = Interpreter(model_content=alone)
    one.allocate_tensors()
    (given,) = one.get_input_details()
    one.set_tensor(given["index"], whole.get_tensor(operator.inputs[0]))
    one.invoke()
    (made,) = one.get_output_details()
    np.testing.assert_allclose(
        one.get_tensor(made["index"]), whole.get_tensor(operator.outputs[0]), atol=1e-4
    )


@pytest.mark.parametrize(
    ("content", "more", "expected"),
    [
        (b"no model", (), "x.tflite: expected a .tflite file, found another"),
        (b"", ("--runs=0",), "--runs: expected at least 1, found 0"),
    ],
)
def test_what_cannot_be_profiled_is_named(
    tmp_path, monkeypatch, capsys, content, more, expected
):
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["profile", str(path), *more])
    with pytest.raises(SystemExit):
        profile.main()
    assert expected in capsys.readouterr().err


def test_a_profile_of_float16_is_refused(exported, monkeypatch, capsys):
    path = str(exported[0] / "a2b_float16.tflite")
    monkeypatch.setattr(sys, "argv", ["profile", path])
    with pytest.raises(SystemExit) as ended:
        profile.main()
    assert ended.value.code == 2
    assert f"{path}: expected a file that is not of float16" in capsys.readouterr().err


SIZE = [1, 16, 16, 3]
CONVOLUTIONS = {"CONV_2D", "TRANSPOSE_CONV"}


def types_of(content):
    """{operator: {type of its output}} of a file."""
    model = flatbuffer.read(content)
    found = {}
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = flatbuffer.OPERATORS[
                max(code.builtinCode, code.deprecatedBuiltinCode)
            ]
            output = subgraph.tensors[operator.outputs[0]]
            found.setdefault(name, []).append(output.type)
    return found


def test_what_each_quantized_variant_keeps_in_float(exported):
    norm, full = (
        types_of(content_of(exported, n)) for n in ("int8_float_norm", "int8")
    )
    statistics = ("MEAN", "SQUARED_DIFFERENCE", "RSQRT", "SQRT", "TANH", "SUB")
    for name in statistics:
        assert set(norm[name]) == {FLOAT32}, name
    assert norm["CONV_2D"].count(FLOAT32) == 1
    assert norm["CONV_2D"][-1] == FLOAT32
    assert norm["CONV_2D"].count(INT8) == len(norm["CONV_2D"]) - 1
    for name in ("CONV_2D", "MEAN", "SQUARED_DIFFERENCE", "RSQRT", "TANH", "SUB"):
        assert set(full[name]) == {INT8}, name


def test_ranges_are_those_of_each_tensor_and_not_of_what_overwrote_it(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([1, 100], name="x")])
    def chain(x):
        return {"y": (tf.tanh(x) + 1.0) * 100.0}

    tf.saved_model.save(tf.Module(), str(tmp_path), signatures={"chain": chain})
    lite = tf.lite.experimental
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    samples = [
        ("chain", {"x": np.linspace(-3, end, 100, dtype=np.float32)[None]})
        for end in (0, 3)
    ]
    converter.representative_dataset = lambda: iter(samples)
    calibrated = lite.QuantizationDebugger(converter=converter).calibrated_model
    found = {}
    content = calibration.with_ranges(calibrated, samples)
    for tensor in flatbuffer.read(content).subgraphs[0].tensors:
        if tensor.quantization.min is not None:
            name = tensor.name.decode().lower()
            found[name] = [*tensor.quantization.min, *tensor.quantization.max]
    end = np.tanh(3)
    assert found["tanh"] == pytest.approx([-end, end], rel=1e-4)
    assert found["add"] == pytest.approx([1 - end, 1 + end], rel=1e-4)


@pytest.mark.parametrize("variant", ["float32", "int8_float_norm"])
def test_single_files_give_what_the_whole_one_gives(exported, variant):
    def runner(name, signature):
        path = str(exported[0] / f"a2b_{name}.tflite")
        return Interpreter(path).get_signature_runner(signature)

    random = np.random.RandomState(0)
    exemplar, content = random.randint(256, size=[2, *SIZE]).astype(np.uint8)
    results = []
    for style_file, file in (
        (variant, variant),
        (f"{variant}_encode_style", f"{variant}_translate"),
    ):
        style = runner(style_file, "encode_style")(exemplar=exemplar)["style"]
        image = runner(file, "translate")(content=content, style=style)["image"]
        results.append((style, image))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


FORMS = {
    "plain": {},
    "deep": {"n_encoder": 3, "n_res": 3, "width": 24},
    "flat": {"n_encoder": 1},
    "release": {"adain_form": "release"},
    "leaky_tanh": {"output": "leaky_tanh"},
    "no_masks": {"use_masks": False},
    "no_adain": {"use_adain": False},
    "style_encoder": {"style_code": "encoder"},
    "zeros": {"padding": "zero"},
    "mobile": {"padding": "zero", "upsample": "resize", "n_encoder": 3},
    "resize": {"upsample": "resize"},
}


def translator_of(**flags):
    keras.utils.set_random_seed(1)
    config = Config(**{**runs.TINY, **flags})
    return Translator.from_config(config), config


def random_pairs(config, count=2):
    random = np.random.RandomState(2)
    shape = [2, count, config.height, config.width, 3]
    return tflite_pairs.Pairs(*random.randint(256, size=shape).astype(np.uint8))


@pytest.mark.parametrize(
    ("form", "direction"), [*((form, "a2b") for form in FORMS), ("plain", "b2a")]
)
def test_the_graph_is_the_translator(form, direction):
    translator, config = translator_of(**FORMS[form])
    pairs = random_pairs(config)
    expected = parity.Reference(translator, pairs, direction)
    graph = tflite_graph.functions(
        translator, direction, config.height, config.width, "float32"
    )
    for k, (content, exemplar) in enumerate(pairs):
        as_float = [x[None].astype(np.float32) for x in (content, exemplar)]
        style = graph["encode_style"](as_float[1])["style"]
        np.testing.assert_allclose(style, expected.styles[k], rtol=1e-4, atol=1e-5)
        image = graph["translate"](as_float[0], style)["image"][0]
        # The reference is rounded.
        assert np.abs(image - expected.images[k].astype(np.float32)).max() <= 0.51
        assert np.ptp(image) > 10


@pytest.mark.parametrize("form", ["no_adain", "style_encoder", "mobile"])
def test_converted_forms_reach_the_floor(form, tmp_path):
    translator, config = translator_of(**FORMS[form])
    reference = parity.Reference(translator, random_pairs(config), "a2b")
    graph = tflite_graph.functions(translator, "a2b", config.height, config.width)
    tflite_graph.save(graph, translator, str(tmp_path))
    content = variants.Converter(str(tmp_path)).convert("float32")
    scores = reference.score(Interpreter(model_content=content))
    assert scores["psnr"] >= variants.FLOORS["float32"]
    assert scores["translate"]["psnr"] >= variants.FLOORS["float32"]
    operators = flatbuffer.operators(content)
    if form == "mobile":
        foreign = {"MIRROR_PAD", "CONCATENATION", "TRANSPOSE_CONV", "PAD", "PADV2"}
        # One puts gamma and beta together.
        assert operators.pop("CONCATENATION") == 1
        assert not foreign & set(operators)
        assert operators["RESIZE_BILINEAR"] == 2


def test_float_images_and_another_size_and_direction(workdir, tmp_path):
    settings = tflite.Settings(
        variants=("float32",),
        io="float32",
        height=20,
        width=24,
        direction="b2a",
        **QUICK,
    )
    report = tflite.export(workdir, str(tmp_path), settings)
    assert report["variants"]["float32"]["written"]
    path = str(tmp_path / "b2a_float32.tflite")
    runner = Interpreter(path).get_signature_runner("translate")
    detail = runner.get_input_details()["content"]
    assert list(detail["shape"]) == [1, 20, 24, 3]
    assert detail["dtype"] == np.float32
    image = runner(
        content=np.full([1, 20, 24, 3], 255, np.float32),
        style=np.ones([1, 16], np.float32),
    )["image"]
    assert image.dtype == np.float32
    assert image.max() > 2


def test_noise_at_test_time_is_left_out(tmp_path):
    noisy = runs.untrained(tmp_path / "run", test_noise=True)
    settings = tflite.Settings(variants=("float32",), **QUICK)
    report = tflite.export(noisy, str(tmp_path / "files"), settings)
    assert report["variants"]["float32"]["psnr"] >= 50


def test_a_variant_below_its_floor_is_not_written(
    workdir, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(variants.FLOORS, "dynamic", 1000.0)
    stale = tmp_path / "a2b_dynamic_translate.tflite"
    stale.write_text("of an earlier export")
    flags = tflite.Flags(workdir, str(tmp_path))
    settings = tflite.Settings(variants=("dynamic", "float32"), **QUICK)
    assert tflite.main(flags, settings) == 1
    message = capsys.readouterr().err
    assert "dynamic: expected a PSNR of at least 1000 dB" in message
    report = json.loads((tmp_path / "report.json").read_text())["variants"]
    assert f"found {report['dynamic']['psnr']:.1f}" in message
    assert not report["dynamic"]["written"]
    assert not stale.exists()
    written = {"a2b_float32", "a2b_float32_encode_style", "a2b_float32_translate"}
    assert {p.stem for p in tmp_path.glob("*.tflite")} == written


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"variants": ("float32", "int4")},
            "--variants: expected some of .*found int4",
        ),
        ({"height": 17}, "--height: expected a multiple of 2 .*found 17"),
        ({"width": 4}, "--width: expected at least 8, found 4"),
        ({"mobile": True}, "--mobile: .*--padding=zero --upsample=resize .*reflect"),
    ],
)
def test_mistakes_are_named(workdir, tmp_path, settings, message):
    output = tmp_path / "out"
    with pytest.raises(UserError, match=message):
        tflite.export(workdir, str(output), tflite.Settings(**settings))
    assert not output.exists()


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(UserError, match=r"run\.flags: expected the flags of a run"):
        tflite.export(str(tmp_path), str(tmp_path / "out"))


def test_a_failed_export_leaves_nothing(workdir, tmp_path, monkeypatch):
    def fail(*_):
        raise UserError("no images")

    monkeypatch.setattr(tflite.tflite_pairs, "draw", fail)
    with pytest.raises(UserError, match="no images"):
        tflite.export(workdir, str(tmp_path / "out"))
    assert os.listdir(tmp_path) == []


def test_an_output_that_cannot_be_written_ends_in_one_line(workdir, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, stderr = program(
        f"--workdir={workdir}", f"--output={tmp_path / 'file' / 'out'}"
    )
    assert code == 2
    assert f"found a file at {tmp_path / 'file'}" in stderr
    assert "Traceback" not in stderr


def test_the_files_of_another_run_are_not_replaced(workdir, tmp_path):
    report = tflite_report.JSON
    for other, way in (("another", "a2b"), (workdir, "b2a")):
        settings = {"workdir": str(other), "direction": way}
        (tmp_path / report).write_text(json.dumps({"settings": settings}))
        with pytest.raises(UserError, match=f"found those of {other}, {way}; --overw"):
            tflite.export(workdir, str(tmp_path), tflite.Settings())
    for mine in (workdir, os.path.join(workdir, "..", os.path.basename(workdir))):
        settings = {"workdir": mine, "direction": "a2b"}
        (tmp_path / report).write_text(json.dumps({"settings": settings}))
        tflite_report.require_of_run(str(tmp_path), workdir, "a2b")


def test_pairs_are_those_of_the_split_and_the_same_each_time():
    config = Config(**runs.TINY)
    one, two, train = (
        tflite_pairs.draw(config, part, "a2b", 3) for part in ("test", "test", "train")
    )
    np.testing.assert_array_equal(one.contents, two.contents)
    np.testing.assert_array_equal(one.exemplars, two.exemplars)
    assert one.contents.shape == one.exemplars.shape == (3, 16, 16, 3)
    assert not np.array_equal(one.contents, train.contents)
    # Domain a is grey, domain b is not.
    assert np.ptp(one.contents.astype(int), axis=-1).max() == 0
    assert np.ptp(one.exemplars.astype(int), axis=-1).max() > 0


def test_no_image_comes_twice_before_each_has_come_once(tmp_path):
    """Samples of a page and stored styles are drawn so, too."""
    for name, count in (("testA", 6), ("testB", 4)):
        (tmp_path / name).mkdir()
        for number in range(count):
            save_noise(tmp_path / name / f"{number}.png", 16, 16, number)
    config = Config(**runs.TINY, dataset="folder", data_dir=str(tmp_path))
    pairs = tflite_pairs.draw(config, "test", "a2b", 6)
    assert len(np.unique(pairs.contents, axis=0)) == 6
    assert len(np.unique(pairs.exemplars[:4], axis=0)) == 4
    assert len(np.unique(pairs.exemplars, axis=0)) == 4


def test_compare_gives_the_numbers_of_the_definition():
    expected = np.full([2, 8, 8, 3], 100, np.uint8)
    found = expected.copy()
    found[1] += 10
    scores = parity.compare(found, expected)
    assert scores["max_error"] == 10
    assert scores["mean_error"] == 5.0
    assert scores["psnr"] == pytest.approx(10 * np.log10(255**2 / 50))
    assert scores["psnr_worst"] == pytest.approx(10 * np.log10(255**2 / 100))
    assert scores["ssim"] < 1.0
    same = parity.compare(expected, expected)
    assert (same["psnr"], same["ssim"]) == (parity.HIGHEST_PSNR, 1.0)


class Table:
    """Reads a flatbuffer by the numbers of the schema's fields."""

    def __init__(self, content, position):
        self._table = flatbuffers.table.Table(content, position)

    @classmethod
    def root(cls, content):
        start = flatbuffers.encode.Get(flatbuffers.packer.uoffset, content, 0)
        return cls(content, start)

    def _at(self, slot):
        return self._table.Offset(4 + 2 * slot)

    def text(self, slot):
        return self._table.String(self._at(slot) + self._table.Pos).decode()

    def number(self, slot, flags):
        return self._table.Get(flags, self._at(slot) + self._table.Pos)

    def table(self, slot):
        where = self._table.Indirect(self._at(slot) + self._table.Pos)
        return Table(self._table.Bytes, where)

    def tables(self, slot):
        first = self._table.Vector(self._at(slot))
        return [
            Table(self._table.Bytes, self._table.Indirect(first + 4 * i))
            for i in range(self._table.VectorLen(self._at(slot)))
        ]

    def floats(self, slot):
        flags = flatbuffers.number_types.Float32Flags
        return list(self._table.GetVectorAsNumpy(flags, self._at(slot)))


def metadata_of(content):
    model = flatbuffer.read(content)
    (entry,) = (m for m in model.metadata if m.name == b"TFLITE_METADATA")
    return model, bytes(bytearray(model.buffers[entry.buffer].data))


@pytest.mark.parametrize("name", ["float32", "int8_translate"])
def test_metadata_read_back(exported, name):
    content = content_of(exported, name)
    model, raw = metadata_of(content)
    assert raw[4:8] == b"M001"
    root = Table.root(raw)
    assert root.text(0) == f"egsc_tf a2b {name.split('_')[0]}"
    assert root.text(2).endswith(", 0 steps")
    assert "Apache-2.0" in root.text(5)
    assert root.text(7) == "1.0.0"
    found = []
    for subgraph, described in zip(model.subgraphs, root.tables(3)):
        # As many, and in the order, of the subgraph's own tensors.
        for tensors, slot in ((subgraph.inputs, 2), (subgraph.outputs, 3)):
            for index, tensor in zip(tensors, described.tables(slot)):
                shape = list(subgraph.tensors[index].shape)
                assert (tensor.text(0) == "style") == (len(shape) == 2)
                found.append(tensor.text(0))
                if len(shape) == 4:
                    assert (tensor.table(5).floats(1), tensor.table(5).floats(0)) == (
                        [0.0],
                        [255.0],
                    )
                    size = tensor.table(3).table(1).table(1)
                    flags = flatbuffers.number_types.Uint32Flags
                    sides = [size.number(slot, flags) for slot in (0, 1)]
                    assert sides == [16, 16]
                    (unit,) = tensor.tables(4)
                    assert unit.table(1).floats(0) == [0.0]
                    assert unit.table(1).floats(1) == [1.0]
                    assert f"domain {'a' if found[-1] == 'content' else 'b'}" in (
                        tensor.text(1)
                    )
    expected = ["content", "image", "style"]
    if name == "float32":
        expected = sorted([*expected, "exemplar", "style"])
    assert sorted(found) == expected
    (label,) = root.tables(6)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [label.text(0)]
        text = archive.read(label.text(0)).decode()
    assert text.splitlines() == ["content a", "exemplar b", "image b"]


def test_weights_lie_at_multiples_of_16(exported):
    content = content_of(exported, "float32")
    model = schema.Model.GetRootAs(bytearray(content), 0)
    checked = 0
    for i in range(model.BuffersLength()):
        buffer = model.Buffers(i)
        field = buffer._tab.Offset(4)
        if field:
            assert buffer._tab.Vector(field) % 16 == 0
            checked += 1
    assert checked > 40


def test_litert_gives_what_tensorflow_gives(exported, workdir):
    path = str(exported[0] / "a2b_float32.tflite")
    translator = restore.load(workdir)
    content, exemplar = next(iter(random_pairs(Config(**runs.TINY), 1)))
    model = run_tflite.open_model(path, run_tflite.find_interpreter())
    image = model.translate(content, model.encode_style(exemplar))
    expected = images.to_uint8(
        translator.translate(
            images.to_float(content)[None], images.to_float(exemplar)[None]
        )
    )[0]
    assert np.abs(image.astype(int) - expected).max() <= 1


def test_files_of_earlier_exports_are_named(tmp_path):
    names = ["a2b_int8.tflite", "a2b_float32.tflite", "a2b_float32_translate.tflite"]
    for name in (*names, "notes.txt"):
        (tmp_path / name).touch()
    output = str(tmp_path)
    assert files.others(output, "a2b", ("float32",)) == ["a2b_int8.tflite"]
    assert files.others(output, "a2b", ("float32", "int8")) == []
    assert files.others(output, "b2a", ("int8",)) == sorted(names)

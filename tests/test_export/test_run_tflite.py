"""run_tflite: a .tflite file without TensorFlow."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.odd_images import odd_images

from egsc_tf.config import Config
from egsc_tf.data import images
from egsc_tf.export import run_tflite
from egsc_tf.export.litert import files as tflite_files
from egsc_tf.export.litert import graph, variants
from egsc_tf.inference import pairing
from egsc_tf.models.translator import Translator
from egsc_tf.runtime.keras import keras


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(folder of float32 files of 16x24 pixels, translator)."""
    keras.utils.set_random_seed(4)
    config = Config(ngf=4, n_encoder=2, n_res=1, height=16, width=24)
    translator = Translator.from_config(config)
    image = tf.zeros([1, 16, 24, 3])
    translator.translate(image, image)
    folder = tmp_path_factory.mktemp("files")
    functions = graph.functions(translator, "a2b", 16, 24)
    graph.save(functions, translator, str(folder / "saved_model"))
    converter = variants.Converter(str(folder / "saved_model"))
    content = converter.convert("float32")
    files = tflite_files.build(content, "a2b", "float32", (16, 24), 0)
    tflite_files.write(str(folder), files)
    return folder, translator


@pytest.fixture
def photos(tmp_path):
    """A folder of two inputs, one of the model's size, one larger and on its side."""
    random = np.random.RandomState(5)
    folder = tmp_path / "photos"
    folder.mkdir()
    fitting, large, exemplar = (
        Image.fromarray(random.randint(256, size=[*size, 3]).astype(np.uint8))
        for size in ((16, 24), (40, 64), (16, 24))
    )
    fitting.save(folder / "fitting.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    large.save(folder / "large.jpg", exif=exif)
    (folder / "notes.txt").write_text("no image")
    exemplar.save(tmp_path / "exemplar.png")
    return folder


def flags_of(exported, photos, tmp_path, **changed):
    flags = {
        "model": exported[0] / "a2b_float32.tflite",
        "input": photos,
        "exemplar": tmp_path / "exemplar.png",
        "output": tmp_path / "out",
        **changed,
    }
    return [f"--{name}={value}" for name, value in flags.items()]


def test_it_gives_the_translators_images_at_their_own_size(exported, photos, tmp_path):
    assert run_tflite.main(flags_of(exported, photos, tmp_path)) == 0
    out = tmp_path / "out"
    assert sorted(p.name for p in out.iterdir()) == ["fitting.png", "large.png"]
    with Image.open(out / "large.png") as image:
        assert image.size == (40, 64)
    content, exemplar = (
        images.to_float(images.read(str(path)))[None]
        for path in (photos / "fitting.png", tmp_path / "exemplar.png")
    )
    expected = images.to_uint8(exported[1].translate(content, exemplar))[0]
    with Image.open(out / "fitting.png") as image:
        found = np.asarray(image)
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_alone_it_needs_neither_tensorflow_nor_egsc_tf(exported, photos, tmp_path):
    alone = tmp_path / "device"
    alone.mkdir()
    shutil.copy(run_tflite.__file__, alone)
    watched = (
        "import sys, runpy\n"
        "try:\n"
        "    runpy.run_path('run_tflite.py', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watched, *flags_of(exported, photos, tmp_path)],
        cwd=alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2 images written" in done.stdout
    for name in ("tensorflow", "keras", "egsc_tf", "absl"):
        assert f"'{name}'" not in done.stdout
    assert "'ai_edge_litert'" in done.stdout


def test_as_a_module_it_imports_no_tensorflow(exported, photos, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            "egsc_tf.export.run_tflite",
            *flags_of(exported, photos, tmp_path, input=photos / "fitting.png"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "egsc_tf.export" in done.stderr
    for name in ("tensorflow", "keras", "egsc_tf.runtime.program"):
        assert f" {name}\n" not in done.stderr


def test_a_style_is_encoded_once_for_a_folder(exported, photos, tmp_path):
    class Counting(run_tflite.Model):
        encoded = 0

        def encode_style(self, exemplar):
            self.encoded += 1
            return super().encode_style(exemplar)

    path = str(exported[0] / "a2b_float32.tflite")
    model = run_tflite.open_model(path, run_tflite.find_interpreter())
    model.__class__ = Counting
    inputs = run_tflite.find_images(str(photos))
    exemplar = str(tmp_path / "exemplar.png")
    assert run_tflite.run(model, path, inputs, exemplar, str(tmp_path / "out")) == 2
    assert model.encoded == 1


def test_it_reads_what_the_reader_of_training_does_or_refuses(tmp_path):
    read = 0
    for odd in odd_images(400, seed=3):
        path = tmp_path / odd.name
        path.write_bytes(odd.data)
        try:
            found = run_tflite.read(str(path))
        except run_tflite.Mistake:
            continue
        np.testing.assert_array_equal(found, images.read_bytes(odd.data, odd.name))
        read += 1
    assert read > 100


def saved(name, mode="RGB", size=(12, 16), **options):
    return lambda path: Image.new(mode, size).save(path / name, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (saved("x.png", size=(7, 16)), "7x16 pixels, too few"),
        (saved("x.jpg", "CMYK", icc_profile=b"x" * 99), "CMYK with a colour profile"),
        (saved("x.eps"), "cannot identify"),
        (lambda path: os.mkfifo(path / "x.png"), "no file"),
    ],
)
def test_what_it_does_not_read_is_refused_at_once(make, message, tmp_path):
    make(tmp_path)
    (path,) = tmp_path.iterdir()
    with pytest.raises(run_tflite.Mistake, match=f"x.*: expected an image.*{message}"):
        run_tflite.read(str(path))


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.new("RGB", (12, 12)).save(tmp_path / "x.png")
    with pytest.raises(run_tflite.Mistake, match=r"x\.png: .* 12x12 pixels, too many"):
        run_tflite.read(str(tmp_path / "x.png"))


def test_transparent_parts_become_white(tmp_path):
    Image.new("RGBA", (8, 8), (10, 20, 30, 0)).save(tmp_path / "x.png")
    assert (run_tflite.read(str(tmp_path / "x.png")) == 255).all()


def test_a_missing_runtime_is_named(monkeypatch, exported, photos, tmp_path, capsys):
    monkeypatch.setattr(run_tflite, "RUNTIMES", ("no_such_runtime",))
    assert run_tflite.main(flags_of(exported, photos, tmp_path)) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: expected a TFLite runtime, found neither")
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("flag", "name", "message"),
    [
        ("model", "no_such.tflite", "expected a file: No such file"),
        ("model", "exemplar.png", "expected a .tflite file"),
        ("model", "broken.tflite", "the runtime refuses it"),
        (
            "model",
            "single.tflite",
            "expected the signatures encode_style, translate, f",
        ),
        ("input", "no_such.png", "expected an image, found"),
        ("input", "empty", "expected image files, found none"),
        ("input", "deep.png", "more than 8 bits"),
        ("exemplar", "broken.tflite", "expected an image, found"),
        ("output", "photos", "expected another folder than that of the inputs"),
        ("output", "exemplar.png", "expected a folder, found a file"),
    ],
)
def test_mistakes_end_in_one_line(
    exported, photos, tmp_path, capfd, flag, name, message
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.tflite").write_bytes(b"\0\0\0\0TFL3" + bytes(100))
    shutil.copy(
        exported[0] / "a2b_float32_encode_style.tflite", tmp_path / "single.tflite"
    )
    Image.new("I;16", (8, 8)).save(tmp_path / "deep.png")
    changed = {flag: tmp_path / name}
    assert run_tflite.main(flags_of(exported, photos, tmp_path, **changed)) == 2
    line = capfd.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert message in line
    assert name in line or flag == "output"


def test_names_are_those_of_translate(tmp_path):
    """Also where two inputs differ in their endings, and where a name is too long."""
    names = ["alpha.png", "alpha.webp", "b.c.png", "日" * 70 + ".png", "日" * 83, "x"]
    inputs = [str(tmp_path / name) for name in names]
    output = str(tmp_path / "out")
    found = run_tflite.plan(inputs, "style.png", output)
    jobs = pairing.plan(inputs, ["style.png"], output, "all")
    assert found == {path: outputs["style.png"] for path, outputs in jobs}
    assert [os.path.basename(x) for x in found.values()][:3] == [
        "alpha_png.png",
        "alpha_webp.png",
        "b.c.png",
    ]
    inputs.append(str(tmp_path / "alpha_png.gif"))
    with pytest.raises(run_tflite.Mistake, match=r"alpha_png\.png would be written tw"):
        run_tflite.plan(inputs, "style.png", output)


def test_the_exemplars_folder_is_not_written_to(tmp_path):
    exemplar = str(tmp_path / "styles" / "x.png")
    with pytest.raises(run_tflite.Mistake, match="expected another folder"):
        run_tflite.plan([str(tmp_path / "x.jpg")], exemplar, str(tmp_path / "styles"))


def test_results_of_another_exemplar_are_not_replaced(
    exported, photos, tmp_path, capsys
):
    flags = flags_of(exported, photos, tmp_path)
    other = flags_of(exported, photos, tmp_path, exemplar=photos / "large.jpg")
    assert run_tflite.main(flags) == 0
    made = (tmp_path / "out" / "fitting.png").read_bytes()
    assert run_tflite.main(flags) == 0
    assert run_tflite.main(other) == 2
    message = capsys.readouterr().err
    assert "fitting.png: expected no file, or the same translation" in message
    assert "and 1 more" in message
    assert (tmp_path / "out" / "fitting.png").read_bytes() == made
    assert run_tflite.main([*other, "--overwrite"]) == 0
    assert (tmp_path / "out" / "fitting.png").read_bytes() != made

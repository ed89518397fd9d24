"""export.web without a browser and without npm: contents, listing, what is refused."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import runs
from support.paths import REPOSITORY

from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import UserError
from egsc_tf.export import run_tflite, tflite, web
from egsc_tf.export.litert import variants
from egsc_tf.export.webpage import build, contents

pytestmark = pytest.mark.web


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.untrained(tmp_path_factory.mktemp("run"), output="leaky_tanh")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder that passes for the built page."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "index.html").write_text("<title>page</title>")
    (folder / web.SERVICE_WORKER).write_text("// worker\n")
    (folder / build.STAMP).write_text(build.digest())
    return str(folder)


@pytest.fixture(scope="module")
def exemplars(tmp_path_factory):
    """A folder of two exemplars, one of the model's size and one large."""
    folder = tmp_path_factory.mktemp("exemplars")
    random = np.random.RandomState(2)
    for name, size in (("blue.png", (16, 16)), ("wide.png", (150, 300))):
        pixels = random.randint(256, size=[*size, 3]).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture(scope="module")
def site(workdir, built, exemplars, tmp_path_factory):
    """(folder, manifest) of a page that the program made: a folder of exemplars for
    one direction, test images for the other."""
    output = tmp_path_factory.mktemp("site") / "page"
    flags = {
        "workdir": workdir,
        "output": output,
        "name": "Digits",
        "exemplars": f"{exemplars},",
        "samples": 2,
        "build": built,
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "egsc_tf.export.web",
            *(f"--{name}={value}" for name, value in flags.items()),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"python -m http.server --directory={output}" in done.stdout
    return output, json.loads((output / web.MANIFEST).read_text())


def listed(site):
    """(version, files) of the service worker's first line."""
    line, rest = (site / web.SERVICE_WORKER).read_text().split("\n", 1)
    assert rest == "// worker\n"
    version, files = line.removeprefix("const VERSION = ").split(", FILES = ")
    return json.loads(version), json.loads(files.removesuffix(";"))


def test_the_service_worker_keeps_every_file_of_the_page(site):
    output, _ = site
    paths = (path for path in output.rglob("*") if path.is_file())
    found = {path.relative_to(output).as_posix() for path in paths}
    assert found == {
        "index.html",
        "manifest.json",
        "service_worker.js",
        *(f"models/{way}_float32.tflite" for way in DIRECTIONS),
        *(f"samples/{way}_{n}.png" for way in DIRECTIONS for n in (1, 2)),
        *(f"styles/{way}.json" for way in DIRECTIONS),
        *(f"styles/{way}_{n}.png" for way in DIRECTIONS for n in (1, 2)),
    }
    _, files = listed(output)
    assert {*files} == found - {"index.html", "service_worker.js"} | {"./"}


def test_the_manifest_says_what_the_model_is(site):
    output, manifest = site
    assert manifest["name"] == "Digits"
    entry = manifest["directions"]["a2b"]
    assert (entry["height"], entry["width"]) == (16, 16)
    assert entry["bytes"] == (output / entry["model"]).stat().st_size
    assert entry["psnr"] >= variants.FLOORS["float32"]
    about = " ".join(manifest["about"])
    assert "Trained on digits_single at 16×16" in about
    assert "Weights: see the terms of the images" in about
    assert "16×16; a PSNR of" in about


def test_styles_are_those_of_the_model_of_the_page(site, exemplars):
    output, manifest = site
    entry = manifest["directions"]["a2b"]
    styles = json.loads((output / entry["styles"]).read_text())
    assert [style["name"] for style in styles] == ["blue", "wide"]
    model = run_tflite.open_model(
        str(output / entry["model"]), run_tflite.find_interpreter()
    )
    for style in styles:
        exemplar = run_tflite.read(str(exemplars / f"{style['name']}.png"))
        expected = model.encode_style(exemplar)[0]
        np.testing.assert_allclose(style["style"], expected, rtol=1e-4, atol=1e-5)
    with Image.open(output / styles[1]["thumbnail"]) as image:
        assert image.size == (112, 56)


def test_without_exemplars_test_images_give_the_styles(site):
    output, manifest = site
    entry = manifest["directions"]["b2a"]
    styles = json.loads((output / entry["styles"]).read_text())
    assert [style["name"] for style in styles] == ["1", "2"]
    paths = (*entry["samples"], *(style["thumbnail"] for style in styles))
    colours = []
    for path in paths:
        with Image.open(output / path) as image:
            assert image.size == (16, 16)
            colours.append(np.ptp(np.asarray(image).astype(int), axis=-1).max())
    # Domain b has colours, domain a is black and white.
    assert min(colours[:2]) > 100
    assert max(colours[2:]) == 0


@pytest.fixture
def quick(built, monkeypatch):
    """Settings of a page whose model is a file with a text; text -> None sets it."""
    texts = ["weights"]

    def write(site, *_):
        Path(site, "model.tflite").write_text(texts[-1])
        sizes = {"bytes": 1, "height": 1, "width": 1}
        return {**sizes, "psnr": 90.0, "label": "a to b", "steps": 7}

    monkeypatch.setattr(contents, "write", write)
    return web.Settings(build=built, directions=("a2b",)), texts.append


def test_a_new_page_replaces_an_old_one_and_has_another_version(
    workdir, quick, tmp_path
):
    settings, change = quick
    output = tmp_path / "page"

    def version():
        web.export(workdir, str(output), settings)
        return listed(output)[0]

    first = version()
    (output / "old.txt").write_text("of the old page")
    assert version() == first
    assert not (output / "old.txt").exists()
    assert os.listdir(tmp_path) == ["page"]
    change("other weights")
    assert version() != first
    assert output.stat().st_mode & 0o777 == 0o755


def test_the_page_of_another_run_is_not_replaced(workdir, quick, tmp_path):
    settings, _ = quick
    output = str(tmp_path / "page")
    other = shutil.copytree(workdir, tmp_path / "other")
    web.export(workdir, output, settings)
    with pytest.raises(UserError, match="found that of another run; --overwrite"):
        web.export(str(other), output, settings)
    web.export(str(other), output, dataclasses.replace(settings, overwrite=True))
    web.export(str(other), output, settings)
    assert "other" in (tmp_path / "page" / web.MANIFEST).read_text()


def test_a_folder_of_something_else_is_left_alone(workdir, quick, tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(UserError, match=r"--output=.*earlier page .*something else"):
        web.export(workdir, str(tmp_path), quick[0])
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_variant_below_its_floor_leaves_nothing(
    workdir, built, tmp_path, monkeypatch
):
    entry = {"floor": 30.0, "psnr": 20.0, "written": False}
    report = {"variants": {"dynamic": entry}}
    monkeypatch.setattr(tflite, "export", lambda *_: report)
    settings = web.Settings(build=built, variant="dynamic")
    with pytest.raises(UserError, match="--variant=dynamic: expected a PSNR of at lea"):
        web.export(workdir, str(tmp_path / "pages" / "page"), settings)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"exemplars": ("x",)}, "--exemplars: expected one .* for each of --directi"),
        ({"directions": ("a2b", "a2b")}, "--directions: expected some of a2b, b2a"),
        ({"directions": ()}, "--directions: .* found none"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        web.Settings(**settings)


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """(script) -> PATH has an npm that is this shell script, and the system's tools."""

    def install(script):
        path = tmp_path / "bin" / "npm"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.defpath}")

    return install


def test_the_page_is_built_once_and_again_when_its_sources_change(tmp_path, npm):
    npm(
        f'echo "$1" >>"{tmp_path}/calls"\n'
        '[ "$1" = ci ] || { mkdir dist && cp index.html dist; }'
    )
    page = tmp_path / "page"
    for _ in range(2):
        build.build(str(page))
    assert (tmp_path / "calls").read_text().split() == ["ci", "run"]
    source = build.SOURCES / "index.html"
    assert (page / "index.html").read_text() == source.read_text()
    (page / build.STAMP).write_text("of other sources")
    (page / "index.html").write_text("old")
    build.build(str(page))
    assert (page / "index.html").read_text() == source.read_text()


def test_npm_s_own_words_are_told(tmp_path, npm):
    npm("echo 'npm error code ENOTFOUND' >&2; exit 1")
    with pytest.raises(UserError, match="npm ci .*page to be built, found: npm error "):
        build.build(str(tmp_path / "page"))
    assert not (tmp_path / "page").exists()


def test_a_missing_npm_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"npm: expected on PATH.*--build=DIR"):
        build.build(str(tmp_path / "page"))


def test_a_build_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(UserError, match="--build=.*something else"):
        build.build(str(tmp_path))
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_an_installed_package_has_the_sources_of_the_page(tmp_path):
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for part in build.PARTS:
        for source in [
            build.SOURCES / part,
            *(build.SOURCES / part).rglob("*"),
        ]:
            path = Path("webpage/app", source.relative_to(build.SOURCES))
            assert (tmp_path / "egsc_tf" / "export" / path).exists(), path

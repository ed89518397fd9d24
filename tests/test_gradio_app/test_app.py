"""The page to try a model out: what it translates and refuses, also in a browser."""

import io
import os
import re
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support.browser import chromium, open_page, screenshot  # noqa: F401
from support.odd_images import orientation
from support.paths import REPOSITORY
from support.pictures import noise
from support.programs import refusal
from support.runs import untrained

from egsc_tf import app, gradio_app
from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.evaluation.finished_run import Run
from egsc_tf.evaluation.settings import Settings
from egsc_tf.export import saved_model
from egsc_tf.gradio_app.models import RunModel, SavedModel
from egsc_tf.gradio_app.session import Session
from egsc_tf.inference.files import translate_files

pytestmark = pytest.mark.web

# What Gradio itself warns of in the console.
GRADIOS = ("Method not implemented",)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("app") / "run", test_noise=True)


@pytest.fixture(scope="module")
def run_(workdir):
    return Run(workdir, Settings())


@pytest.fixture(scope="module")
def translator(run_):
    return run_.context.translator


@pytest.fixture(scope="module")
def session(translator):
    return Session(RunModel(translator, tile=64), 10_000, 5_000)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """{name: path} of sources, exemplars, and what is neither."""
    folder = tmp_path_factory.mktemp("files")
    see_through = np.concatenate([noise(20, 31, 3, seed=1), noise(20, 31, 1)], axis=-1)
    saved = {
        "turned.jpg": Image.fromarray(noise(18, 26, 3)),
        "see_through.png": Image.fromarray(see_through),
        "other.png": Image.fromarray(noise(24, 16, 3, seed=2)),
        "wide.png": Image.fromarray(noise(20, 100, 3, seed=3)),
        "50_megapixels.png": Image.new("RGB", (10_000, 5_000)),
        "small.png": Image.fromarray(noise(7, 9, 3)),
    }
    for name, image in saved.items():
        turned = {"exif": orientation(6)} if name == "turned.jpg" else {}
        image.save(folder / name, **turned)
    (folder / "text.png").write_text("no picture")
    return {path.name: str(path) for path in folder.iterdir()}


def expected(translator, source, exemplar, folder, direction="a2b", strength=1.0):
    """What egsc_tf.translate makes of two files: [H, W, 3] uint8."""
    out = str(folder / "out")
    options = {"strength": strength, "overwrite": True}
    translate_files(translator, [source], [exemplar], out, direction, **options)
    name = source.rsplit("/", 1)[1].rsplit(".", 1)[0]
    return images.read(f"{out}/{name}.png")


def test_it_translates_as_the_program_does(session, translator, files, tmp_path):
    pair = [files["see_through.png"], files["other.png"]]
    outcome = session.translate([files["turned.jpg"]], pair, "b2a", 0.7, 0.25)
    shown = dict((name, image) for image, name in outcome.translations)
    assert list(shown) == ["exemplar 1", "exemplar 2", "blend 0.25"]
    source = files["turned.jpg"]
    for name, path in zip(shown, pair):
        want = expected(translator, source, path, tmp_path, "b2a", 0.7)
        assert want.shape == (26, 18, 3)
        np.testing.assert_array_equal(shown[name], want)
    first, second = (
        translator.encode_style(images.to_float(images.read(x))[None], "a")
        for x in pair
    )
    content = images.to_float(images.read(source))[None]
    blended = translator.translate_with_style(
        content, 0.75 * first + 0.25 * second, "b2a", 0.7
    )
    np.testing.assert_array_equal(shown["blend 0.25"], images.to_uint8(blended[0]))
    assert outcome.mask.shape == (26, 18, 3)
    assert re.match(r"3 of 18x26 pixels in \d+ ms, ", outcome.told)


def test_a_large_source_is_translated_by_tiles(session, translator, files, tmp_path):
    outcome = session.translate(
        [files["wide.png"]], [files["other.png"]], "a2b", 1.0, 0.5
    )
    [(made, _)] = outcome.translations
    want = expected(translator, files["wide.png"], files["other.png"], tmp_path)
    assert np.abs(made.astype(int) - want).max() <= 1
    assert outcome.mask.shape == (20, 100, 3)


@pytest.mark.parametrize(
    ("sources", "exemplars", "options", "message"),
    [
        ([], ["other.png"], {}, "Source: expected one image, found none"),
        (["other.png"] * 2, ["other.png"], {}, "Source: expected one image, found 2"),
        (["other.png"], [], {}, "Exemplars: expected 1 to 8 images, found none"),
        (["other.png"], ["other.png"] * 9, {}, "Exemplars: .* found 9"),
        (["text.png"], ["other.png"], {}, "text.png: expected an image, found: an unk"),
        (["50_megapixels.png"], ["other.png"], {}, "10000x5000, more than 10000 pixel"),
        (["other.png"], ["50_megapixels.png"], {}, "10000x5000, more than 5000 pixels"),
        (["small.png"], ["other.png"], {}, "small.png: .* 8x8 pixels, found 9x7"),
        (["other.png"], ["other.png"], {"strength": 1.5}, "Strength: .* found 1.5"),
        (["other.png"], ["other.png"], {"blend": None}, "Blend: .* found None"),
        (["other.png"], ["other.png"], {"direction": "b2c"}, "Direction: .* b2c"),
    ],
)
def test_what_cannot_be_translated_is_named(
    session, files, sources, exemplars, options, message
):
    usual = {"direction": "a2b", "strength": 1.0, "blend": 0.5}
    chosen = ([files[name] for name in names] for names in (sources, exemplars))
    with pytest.raises(UserError, match=message) as error:
        session.translate(*chosen, **{**usual, **options})
    assert "/" not in str(error.value)  # no path of this machine


def test_a_saved_model_does_the_same(workdir, translator, session, files, tmp_path):
    settings = saved_model.Settings(
        batch_sizes=(1,), directions=("b2a",), max_batch_pixels=1000
    )
    path = saved_model.export(workdir, str(tmp_path / "models" / "m"), settings)
    model = SavedModel(path)
    assert model.directions == ("b2a",)
    other = Session(model, 10_000, 5_000)
    pair = [files["see_through.png"], files["other.png"]]
    arguments = ([files["turned.jpg"]], pair, "b2a", 0.7, 0.25)
    want, found = (x.translate(*arguments) for x in (session, other))
    for (one, _), (two, _) in zip(want.translations, found.translations):
        assert np.abs(one.astype(int) - two).max() <= 1
    assert np.abs(want.mask.astype(int) - found.mask).max() <= 1
    with pytest.raises(UserError, match="content: expected a batch of 1 to 1000"):
        other.translate([files["wide.png"]], pair, "b2a", 1.0, 0.5)
    with pytest.raises(UserError, match="found no SavedModel"):
        SavedModel(str(tmp_path))


def test_examples_are_test_images(run_, tmp_path):
    examples, told = app.examples_of(run_, str(tmp_path))
    assert told == "The examples are test images of the run."
    assert [direction for *_, direction in examples] == ["a2b"] * 3 + ["b2a"] * 3
    source, exemplars, _ = examples[0]
    assert len({images.read(x).tobytes() for x in (source, *exemplars)}) == 3


def test_mistakes_of_the_command_are_named(monkeypatch):
    pytest.importorskip("gradio", reason="no gradio here: pip install '.[app]'")
    for both in ("x", ""):
        flags = app.Flags(workdir=both, saved_model=both)
        with pytest.raises(UserError, match="one of --workdir and --saved_model"):
            app.main(flags)  # which has imported the page by then
    monkeypatch.delitem(sys.modules, "egsc_tf.gradio_app.interface")
    monkeypatch.delattr(gradio_app, "interface")
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(UserError, match=r'pip install "egsc_tf\[app\]"'):
        app.main(app.Flags())


@pytest.fixture(scope="module")
def address(session, files):
    """The page, served to this machine only."""
    pytest.importorskip("gradio", reason="no gradio here: pip install '.[app]'")
    from egsc_tf.gradio_app import interface

    port = free_port()
    examples = [(files["wide.png"], [files["other.png"]] * 2, "b2a")]
    blocks = interface.build(session, "a run", examples, "The examples are noise.")
    yield interface.launch(blocks, "127.0.0.1", port, most_megabytes=20)
    second = interface.build(session, "a run", [], "")
    with pytest.raises(UserError, match=f"--port={port}: expected a free port"):
        interface.launch(second, "127.0.0.1", port, most_megabytes=20)
    blocks.close()


def test_a_taken_port_is_known_before_the_model_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, output = refusal("app", "--workdir=/no/such", f"--port={port}")
    assert code == 2
    assert output.startswith(f"error: --host=127.0.0.1, --port={port}: expected a free")


def upload(page, source, exemplar):
    for name, path in (("source", source), ("exemplars", exemplar)):
        panel = page.locator(f"#{name}")
        panel.locator("input[type=file]").set_input_files(path)
        panel.locator("img").wait_for(state="attached")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_browser_uploads_and_shows_the_translation(
    address,
    translator,
    files,
    open_page,  # noqa: F811
    tmp_path,
    width,
    scheme,
):
    page = open_page(width, 900, scheme, expected=GRADIOS)
    page.goto(address)
    upload(page, files["turned.jpg"], files["see_through.png"])
    page.get_by_role("button", name="Translate", exact=True).click()
    result = page.locator("#translations img").first
    result.wait_for()
    data = page.request.get(result.get_attribute("src")).body()
    found = np.asarray(Image.open(io.BytesIO(data)))
    want = expected(translator, files["turned.jpg"], files["see_through.png"], tmp_path)
    np.testing.assert_array_equal(found, want)
    assert re.match(
        r"1 of 18x26 pixels in \d+ ms", page.get_by_label("Time").input_value()
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    screenshot(page, f"app_test_{width}_{scheme}")


def test_a_browser_shows_what_is_wrong(address, files, open_page):  # noqa: F811
    page = open_page(expected=(*GRADIOS, "Failed to load resource"))
    page.goto(address)
    button = page.get_by_role("button", name="Translate", exact=True)
    button.click()
    page.get_by_text("Source: expected one image, found none").wait_for()
    upload(page, files["50_megapixels.png"], files["text.png"])
    button.click()
    page.get_by_text("10000x5000, more than 10000 pixels").wait_for()
    screenshot(page, "app_test_refused")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    {location}
  }}
}}
"""


@pytest.fixture
def behind_nginx(session, tmp_path):
    """The page's address behind nginx, as the guide sets it up."""
    pytest.importorskip("gradio", reason="no gradio here: pip install '.[app]'")
    from egsc_tf.gradio_app import interface

    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not on PATH: install it")
    guide = (REPOSITORY / "docs/guides/app.md").read_text()
    (location,) = re.findall(r"```nginx\n(.*?)```", guide, re.DOTALL)
    port, app_port = free_port(), free_port()
    location = location.replace("7860", str(app_port))
    conf = tmp_path / "nginx.conf"
    conf.write_text(NGINX.format(folder=tmp_path, port=port, location=location))
    blocks = interface.build(session, "a run", [], "No examples.")
    interface.launch(blocks, "127.0.0.1", app_port, 20, root_path="/egsc")
    with subprocess.Popen([nginx, "-c", conf, "-e", tmp_path / "error.log"]) as process:
        try:
            yield f"http://127.0.0.1:{port}/egsc/"
        finally:
            process.terminate()
            blocks.close()


def test_a_sub_path_behind_nginx(
    behind_nginx,
    translator,
    files,
    open_page,  # noqa: F811
    tmp_path,
):
    page = open_page(expected=(*GRADIOS, "favicon.ico"))
    page.goto(behind_nginx)
    upload(page, files["turned.jpg"], files["see_through.png"])
    page.get_by_role("button", name="Translate", exact=True).click()
    result = page.locator("#translations img").first
    result.wait_for()
    assert result.get_attribute("src").startswith(behind_nginx)
    data = page.request.get(result.get_attribute("src")).body()
    want = expected(translator, files["turned.jpg"], files["see_through.png"], tmp_path)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), want)
    screenshot(page, "app_test_behind_nginx")


@pytest.mark.parametrize("path", ["egsc", "/e gsc", "ftp://host/x", "//x", "/x?y"])
def test_a_root_path_that_is_none_is_refused(path):
    with pytest.raises(UserError, match="--root_path=.*: expected /PATH or http"):
        app.main(app.Flags(workdir="x", root_path=path))


def test_the_endpoint_translates(address, translator, files, tmp_path):
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False, download_files=str(tmp_path))
    uploads = [
        [{"image": handle_file(files[name]), "caption": None}]
        for name in ("turned.jpg", "other.png")
    ]
    shown, _, told = client.predict(*uploads, "a2b", 1.0, 0.5, api_name="/translate")
    want = expected(translator, files["turned.jpg"], files["other.png"], tmp_path)
    np.testing.assert_array_equal(images.read(shown[0]["image"]), want)
    assert told.startswith("1 of 18x26 pixels")

"""The web page in a real browser: the pixels of Python's TFLite, also offline."""

import functools
import http.server
import io
import json
import re
import shutil
import threading

import numpy as np
import pytest
from PIL import Image
from support import runs
from support.browser import screenshot

from egsc_tf.export import run_tflite, web

pytestmark = pytest.mark.web
SIZE = 32
# The runtime looks for a GPU and says that there is none; nothing here uses one.
EXPECTED = ["Failed to create default WebGPU device"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of a page: both directions, images in the model as uint8."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on PATH, which builds the page: install Node.js")
    folder = tmp_path_factory.mktemp("web")
    workdir = runs.untrained(
        folder / "run", height=SIZE, width=SIZE, output="leaky_tanh"
    )
    settings = web.Settings(name="Digits", build=str(folder / "build"))
    web.export(workdir, str(folder / "site"), settings)
    return folder / "site"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(site):
    """A server of the page, of its own port and so without anything kept."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def open_site(server, open_page):
    """(**options of open_page) -> the page, its model loaded."""

    def make(expected=(), **options):
        page = open_page(expected=[*EXPECTED, *expected], **options)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        wait_for(page, "Choose")
        return page

    return make


def wait_for(page, start):
    """Waits until the status begins so; fails at once on what the page complains of."""
    page.wait_for_function(
        """start => document.getElementById("status").textContent.startsWith(start)
           || !document.getElementById("trouble").hidden""",
        arg=start,
        timeout=60_000,
    )
    assert page.inner_text("#trouble") == ""


def choose(page, section, image, name="photo.png", **options):
    """Gives the page an image as a file."""
    encoded = io.BytesIO()
    image.save(
        encoded, format=name.rpartition(".")[2].replace("jpg", "jpeg"), **options
    )
    file = {"name": name, "mimeType": "image/*", "buffer": encoded.getvalue()}
    page.locator(f"#{section} input[type=file]").first.set_input_files(file)
    return encoded


def result(page):
    """[H, W, 3] of the canvas, once the translation is there."""
    page.locator("#download:visible").wait_for()
    wait_for(page, "Translated")
    pixels = page.evaluate(
        """() => { const canvas = document.querySelector("canvas");
        const { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
        return { width, height, data: Array.from(data) }; }"""
    )
    shape = pixels["height"], pixels["width"], 4
    return np.array(pixels["data"], np.uint8).reshape(shape)[..., :3]


def model_of(site, direction):
    entry = json.loads((site / web.MANIFEST).read_text())["directions"][direction]
    path = str(site / entry["model"])
    return run_tflite.open_model(path, run_tflite.find_interpreter())


def most(found, expected):
    """The largest difference in grey levels."""
    assert found.shape == expected.shape
    return np.abs(found.astype(int) - expected).max()


def noise(seed, height=SIZE, width=SIZE):
    """A smooth random picture."""
    small = np.random.RandomState(seed).randint(256, size=[5, 5, 3]).astype(np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_a_photo_in_a_stored_style_has_python_s_pixels(site, open_site, direction):
    page = open_site()
    page.get_by_label(direction.replace("2", " to ")).check(force=True)
    wait_for(page, "Choose")
    photo = noise(1)
    choose(page, "photo", photo)
    page.locator("#styles input").nth(2).check(force=True)
    found = result(page)
    styles = json.loads((site / f"styles/{direction}.json").read_text())
    style = np.array([styles[2]["style"]], np.float32)
    expected = model_of(site, direction).translate(np.asarray(photo), style)
    assert most(found, expected) <= 2
    assert np.ptp(found) > 20
    status = page.inner_text("#status")
    assert re.fullmatch(r"Translated in [\d.]+ ms, by one thread\.", status)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("large.png", {}),
        ("turned.png", {"orientation": 6}),
        ("turned.jpg", {"orientation": 8, "quality": 95}),
        ("transparent.png", {"alpha": 100}),
    ],
)
def test_other_sizes_turned_and_transparent_photos(
    site, open_site, tmp_path, name, options
):
    page = open_site()
    image, exemplar = noise(3, 61, 147), noise(4, 200, 90)
    if "alpha" in options:
        image.putalpha(options.pop("alpha"))
    if "orientation" in options:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = options.pop("orientation")
    encoded = choose(page, "photo", image, name, **options)
    choose(page, "exemplar", exemplar)
    found = result(page)
    (tmp_path / name).write_bytes(encoded.getvalue())
    model = model_of(site, "a2b")
    style = model.encode_style(np.asarray(exemplar))
    expected = model.translate(run_tflite.read(str(tmp_path / name)), style)
    # Decoders of JPEG and blending may each be off by a level.
    assert most(found, expected) <= (2 if "transparent" not in name else 3)


def test_after_the_first_visit_it_works_offline_and_on_threads(site, server, open_site):
    page = open_site()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    server.shutdown()
    server.server_close()
    page.context.set_offline(True)
    page.reload()
    wait_for(page, "Choose")
    photo = noise(1)
    choose(page, "photo", photo)
    page.locator("#styles input").first.check(force=True)
    found = result(page)
    assert page.evaluate("crossOriginIsolated")
    style = json.loads((site / "styles/a2b.json").read_text())[0]["style"]
    expected = model_of(site, "a2b").translate(
        np.asarray(photo), np.array([style], np.float32)
    )
    assert most(found, expected) <= 2
    assert re.search(r"by \d+ threads\.$", page.inner_text("#status"))


def test_the_download_is_the_result_under_the_photo_s_name(open_site):
    page = open_site()
    choose(page, "photo", noise(1), "cat.png")
    page.locator("#styles input").first.check(force=True)
    shown = result(page)
    with page.expect_download() as download:
        page.get_by_text("Download as PNG").click()
    assert download.value.suggested_filename == "cat_translated.png"
    with Image.open(download.value.path()) as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), shown)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("notes.png", b"no image", "notes.png: this browser cannot read it as an imag"),
        ("dot.png", (7, 9), "dot.png: 7×9 pixels are too few"),
        ("wall.png", (8000, 3000), "wall.png: 8000×3000 pixels are 24.0 million"),
    ],
)
def test_what_is_no_good_photo_is_said_and_the_page_goes_on(
    open_site, name, make, message
):
    page = open_site()
    if isinstance(make, bytes):
        file = {"name": name, "mimeType": "image/png", "buffer": make}
        page.locator("#photo input[type=file]").first.set_input_files(file)
    else:
        choose(page, "photo", Image.new("RGB", make), name)
    trouble = page.get_by_role("alert")
    trouble.wait_for()
    assert message in trouble.inner_text()
    choose(page, "photo", noise(1))
    page.locator("#styles input").first.check(force=True)
    result(page)
    assert trouble.is_hidden()


def test_a_browser_without_webassembly_is_told(server, open_page):
    page = open_page()
    page.add_init_script("delete globalThis.WebAssembly")
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "no WebAssembly" in alert.inner_text()


def test_the_keyboard_alone_translates(open_site):
    page = open_site()

    def tab_to(section, kind):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches('{section} {kind}')"):
                return
        raise AssertionError(f"{section} {kind} is not reached")

    tab_to("#photo", "[type=file]")
    tab_to("#samples", "[type=radio]")
    page.keyboard.press("Space")
    tab_to("#styles", "[type=radio]")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    result(page)
    assert page.get_by_role("radio", name="Style 2").is_checked()
    tab_to("main", "#download")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen_and_everything_has_a_name(open_site, width, scheme):
    page = open_site(width=width, colour_scheme=scheme)
    page.locator("#samples input").nth(1).check(force=True)
    page.locator("#styles input").nth(2).check(force=True)
    result(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for role in ("radio", "img", "button", "link"):
        for one in page.get_by_role(role).all():
            assert one.aria_snapshot().count('"') >= 2, one.evaluate("e => e.outerHTML")
    screenshot(page, f"web_{width}_{scheme}")

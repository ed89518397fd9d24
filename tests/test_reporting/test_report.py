"""The page of a run: what it says, that it needs nothing else, also in a browser."""

import dataclasses
import html
import importlib
import json
import os
import re
import shlex
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.browser import chromium, open_page, screenshot  # noqa: F401
from support.files import save_noise
from support.pictures import noise
from support.programs import program, refusal
from support.runs import untrained
from support.trainers import RUN

from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.evaluation import scalars, scoring
from egsc_tf.evaluation.finished_run import Run
from egsc_tf.evaluation.settings import Settings
from egsc_tf.evaluation.worst import KEPT, Worst
from egsc_tf.metrics import digit_classifier
from egsc_tf.pictures import mask_overlay
from egsc_tf.reporting import gallery, nearest, plots, progress, writing
from egsc_tf.run import restore, starts
from egsc_tf.runtime.files import write_whole
from egsc_tf.training import curves

train_program = importlib.import_module("egsc_tf.train")  # the name is a function's
HEADINGS = [heading for _, heading, _ in writing.SECTIONS]


@pytest.fixture(scope="module")
def reported(finished, tmp_path_factory):
    """A run of a few steps, scored on a few digits, with an odd warning; its page."""
    folder = str(tmp_path_factory.mktemp("report") / "finished")
    shutil.copytree(finished[0], folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digit_classifier, "STEPS", 20)
        scoring.evaluate(folder, Settings(max_images=4))
    with open(f"{folder}/warnings.txt", "w", encoding="utf-8") as file:
        file.write("step 2: <script>alert(1)</script> é\n")
    return folder, writing.write([folder])


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_the_page_says_what_was_run_and_found(reported):
    folder, path = reported
    text = read(path)
    assert re.findall("<h2>(.*?)</h2>", text) == HEADINGS
    assert "Not shown" not in text
    results = json.loads(read(f"{folder}/results.json"))
    spread = results["spread"]["l1_a2b"]
    # Four digits in two polarities, each in six colour pairs.
    assert spread["count"] == 4 * 2 * 6
    assert spread["p05"] < results["l1_a2b"] < spread["p95"]
    shown = f"{results['l1_a2b']:.4g} ± {spread['std']:.2g} [{spread['p05']:.3g}, "
    assert f"<td>{shown}" in text
    (caveat,) = results["caveats"]
    assert f'<p class="warning">{caveat}</p>' in text
    worst = results["worst"]["b2a"][0]
    assert worst["values"] == sorted(worst["values"], reverse=True)
    assert f"{worst['values'][0]:.3g}" in text
    assert "<td>1437 of domain a, 1437 of domain b</td>" in text
    assert f"TensorFlow {tf.__version__}" in text
    captions = html.unescape(" ".join(re.findall("<figcaption>(.*?)</fig", text)))
    for group in ("D", "G/cycle", "learning_rate", "sample/style", "sample/recon"):
        curve = curves.CURVES[group]
        assert f"{curve.title}. {curve.meaning}" in captions
    assert 'data-names="step 2|step 4"' in text


def test_the_page_needs_nothing_else(reported):
    text = read(reported[1])
    assert "default-src 'none'" in text
    sources = re.findall(r'(?:src|href)="([^"#][^"]{0,20})', text)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"url\((?!#)|@import", text)
    pictures = re.findall("<img [^>]*>", text)
    assert len(pictures) >= 10
    assert all(re.search('alt="[^"]{8,}"', picture) for picture in pictures)
    drawings = re.findall("<svg [^>]*>", text)
    assert all(re.search('aria-label="[^"]{8,}"', drawing) for drawing in drawings)


def test_what_comes_from_outside_is_text(reported):
    text = read(reported[1])
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; é" in text


def test_names_of_runs_are_text(tmp_path):
    name = """<img src="x" onerror='y'> & z"""
    folder = untrained(tmp_path / name, dataset="folder", data_dir="/no/<such>")
    text = read(writing.write([folder, folder]))
    assert "<img" not in text
    assert "<such>" not in text
    # "pre": the command; two runs beside each other in seven sections.
    for tag, count in (("title", 1), ("h1", 1), ("pre", 2), ("h3", 2 * 7)):
        found = map(html.unescape, re.findall(f"<{tag}>(.*?)</{tag}>", text))
        if tag == "pre":
            found = (" ".join(shlex.split(one)) for one in found)
        assert len([one for one in found if name in one]) == count


@pytest.mark.parametrize(
    ("width", "colour_scheme"), [(1280, "light"), (1280, "dark"), (390, "dark")]
)
def test_a_browser_shows_it_from_a_file_offline(
    reported,
    open_page,  # noqa: F811
    width,
    colour_scheme,
):
    page = open_page(width, 900, colour_scheme, offline=True)
    page.goto(f"file://{reported[1]}")
    screenshot(page, f"report_{width}_{colour_scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(x => x.naturalWidth > 0)")
    slider = page.locator(".slider").first
    visible = slider.locator("img:visible")
    last = visible.first.get_attribute("alt")
    slider.locator("input").focus()
    page.keyboard.press("ArrowLeft")
    assert slider.locator("output").inner_text() == "step 2"
    assert visible.count() == 2
    assert visible.first.get_attribute("alt") == last.replace("step 4", "step 2")


def test_runs_are_put_beside_each_other(reported, tmp_path):
    folder, _ = reported
    flags = dataclasses.asdict(RUN)
    other = untrained(tmp_path / "other", **{**flags, "ngf": 2, "use_masks": False})
    code, output = program("report", f"--workdir={other}", "--compare", other, folder)
    assert code == 0, output
    text = read(f"{other}/compare.html")
    head = re.search("Flags that differ</caption>(.*?)</table>", text, re.DOTALL)[1]
    assert re.findall(r'row">(--\w+)', head) == ["--ngf", "--use_masks"]
    assert re.findall("<td>(.*?)</td>", head)[:4] == ["2", "2", "4", "64"]
    assert text.count("<h3>finished</h3>") == 7  # one a section
    assert text.count("<h3>other</h3>") == 2 * 7
    assert "--nouse_masks: they are not used" in text
    assert "step 0 of 4" in text


def test_missing_data_and_scores_are_said(tmp_path):
    folder = untrained(tmp_path / "run", dataset="folder", data_dir="/no/such")
    text = read(writing.write([folder]))
    assert re.findall("<h2>(.*?)</h2>", text) == HEADINGS
    # Translations, masks and neighbours; t-SNE has no use for training images.
    assert text.count("Not shown: /no/such/trainA: expected a folder of images") == 3
    assert text.count("Not shown: /no/such/testA: expected a folder of images") == 1
    assert "Not scored yet" in text
    assert "hardware</th><td>not noted" in text
    with pytest.raises(UserError, match="run.flags: expected the flags of a run"):
        writing.write([str(tmp_path / "none")])


def test_the_page_of_a_run_that_trains_takes_no_networks(
    finished_copy, tmp_path, monkeypatch
):
    monkeypatch.setattr(restore, "load", None)
    whole = os.path.join(finished_copy, writing.NAME)
    write_whole(whole, "a whole page")
    assert writing.write_early(finished_copy) == whole
    assert read(whole) == "a whole page"  # until the run that goes on has another
    os.remove(whole)
    for folder in (finished_copy, untrained(tmp_path / "begun")):
        if folder != finished_copy:  # in stage 1
            shutil.rmtree(os.path.join(folder, "translation"))
        path = writing.write_early(folder)
        assert path == os.path.join(folder, writing.NAME)
        text = read(path)
        assert "still trains" in text
        assert re.findall("<h2>(.*?)</h2>", text) == [
            heading for key, heading, _ in writing.SECTIONS if key in writing.EARLY
        ]
    assert "stage 2 has no checkpoint yet" in text


@pytest.mark.parametrize("minutes", [0.0, 5.0])
def test_training_hands_over_the_page_to_be_written_on_the_way(
    tmp_path, monkeypatch, minutes
):
    given = {}
    strategy = tf.distribute.get_strategy()

    def train(*args, **options):
        given.update(options)
        return SimpleNamespace(distribute_strategy=strategy)

    monkeypatch.setattr(train_program.run, "train", train)
    monkeypatch.setattr(writing, "write", lambda folders: "the last page")
    monkeypatch.setattr(writing, "write_early", lambda folder: f"a page of {folder}")
    flags = train_program.Flags(workdir=str(tmp_path), report_minutes=minutes)
    train_program.main(RUN, flags)
    pages = given["callbacks"]
    assert len(pages) == (minutes > 0)
    for page in pages:
        assert page.seconds == 60 * minutes
        assert page.write() == f"a page of {tmp_path}"


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("precision", ["mixed_float16", "float32"])
def test_infinite_norms_are_left_out_of_the_plots_and_told(tmp_path, precision):
    folder = untrained(tmp_path / "run", mixed_precision=precision)
    logs = os.path.join(folder, "logs", "translation")
    with tf.summary.create_file_writer(logs).as_default():
        for step, norm in enumerate((np.inf, 300.0, 2.0, np.nan)):
            tf.summary.scalar("G/gradient_norm", norm, step)
            tf.summary.scalar("D/gradient_norm", np.inf, step)
    text = progress.losses([Run(folder, Settings())])
    assert "G/gradient_norm from 300 to 2" in text
    assert "D/gradient_norm" not in text
    assert ("the loss scale is being found" in text) == (precision == "mixed_float16")


def test_runs_of_one_name_are_told_apart():
    assert writing.labels_of(["/r/a/x", "/r/b/x", "/r/c"]) == ["a/x", "b/x", "r/c"]
    assert writing.labels_of(["a/x", "a/y"]) == ["x", "y"]
    assert writing.labels_of(["a/x", "a/x"]) == ["x", "x"]


def test_names_of_runs_are_no_formulas():
    names = (r"a$\foo$", "_hidden", "<b>\x01")
    lines = [(name, [1, 2], [1.0, 2.0], 0, "-") for name in names]
    text = plots.curves(lines, '"three" runs')
    assert r"a$\foo$" in text
    assert "hidden" in text
    assert "&lt;b&gt;" in text
    assert 'aria-label="&quot;three&quot; runs"' in text


def test_a_real_image_is_not_searched_among_itself(tmp_path):
    data = tmp_path / "data"
    for split in ("trainA", "trainB", "testA", "testB"):
        (data / split).mkdir(parents=True)
        for i in range(3):
            save_noise(data / split / f"{i}.png", 16, 16, i)
    folder = untrained(tmp_path / "run", dataset="folder", data_dir=str(data))
    for split in ("testA", "testB"):
        (data / split / "0.png").write_text("no picture")
    run = Run(folder, Settings())
    text = gallery.neighbours([run])
    assert "the median is" not in text
    assert "for want of test images" in gallery.translations([run])
    assert "testA/0.png" in gallery.translations([run])  # and why


def test_a_resumed_runs_later_log_counts(tmp_path):
    for n, (first, value) in enumerate([(1, 5.0), (3, 7.0)]):
        writer = tf.summary.create_file_writer(str(tmp_path), filename_suffix=f".{n}")
        with writer.as_default():
            for step in range(first, first + 4):
                tf.summary.scalar("G/total", value, step)
                tf.summary.image("grid", noise(1, 8, 8, 3), step)
        writer.close()
    path = sorted(tmp_path.iterdir())[-1]
    path.write_bytes(path.read_bytes()[:-3])  # a kill in the middle of a record
    found = scalars.read(str(tmp_path))
    assert found == {"G/total": ([1, 2, 3, 4, 5, 6], [5.0, 5.0, 7.0, 7.0, 7.0, 7.0])}


def test_every_start_is_noted(reported, tmp_path):
    class Source:
        def size(self, domain):
            return {"a": 3, "b": 5}[domain]

    folder = str(tmp_path)
    assert starts.read(folder) == []
    starts.append(folder, Source(), 2)
    starts.append(folder, Source(), 1)
    with open(tmp_path / starts.NAME, "a", encoding="utf-8") as file:
        file.write('\n{"time": "20')  # cut short
    starts.append(folder, Source(), 4, ["A: 3 images then, 4 now"])
    first, second, third = starts.read(folder)
    assert starts.images(folder) == {"a": 3, "b": 5}
    assert third["changed"] == ["A: 3 images then, 4 now"]
    assert [one["replicas"] for one in (first, second, third)] == [2, 1, 4]
    assert first["images"] == {"a": 3, "b": 5}
    assert len(starts.read(reported[0])) == 1


def test_the_nearest_images():
    pool, queries = noise(30, 40, 64, 3), noise(2, 40, 64, 3, seed=1)
    queries[0] = pool[7]
    small, wanted = nearest.features(pool), nearest.features(queries)
    index, distance = nearest.search(wanted, small, 3)
    brute = np.sqrt(((wanted[:, None] - small[None]) ** 2).mean(-1))
    assert index[0, 0] == 7
    assert distance[0, 0] == pytest.approx(0.0, abs=1e-3)
    np.testing.assert_array_equal(index, np.argsort(brute, axis=1)[:, :3])
    np.testing.assert_allclose(distance, np.sort(brute, axis=1)[:, :3], atol=1e-3)


def test_a_mask_over_its_source():
    source = np.full((6, 9, 3), 100, np.uint8)
    mask = np.full((2, 3), mask_overlay.LOW)
    violet = mask_overlay.over_source(source, mask, opacity=1.0)
    yellow = mask_overlay.over_source(source, mask + 0.5, opacity=1.0)
    assert violet.shape == source.shape
    assert violet[0, 0].tolist() == [68, 1, 84]  # the ends of viridis
    assert yellow[0, 0].tolist() == [253, 231, 37]
    assert (mask_overlay.over_source(source, mask, opacity=0.0) == source).all()


def test_the_worst_are_kept_in_order(tmp_path):
    worst = Worst("l1")
    scores = np.random.RandomState(0).permutation(20) / 20
    for some in np.split(scores, 4):
        rows = np.repeat(some[:, None], 8 * 8 * 3, axis=1).reshape(-1, 8, 8, 3)
        worst.add(some, {"source": rows, "translation": -rows})
    found = worst.write(str(tmp_path), "a2b")
    expected = np.sort(scores)[::-1][:KEPT]
    np.testing.assert_allclose(found["values"], expected)
    pixels = images.read(str(tmp_path / found["file"]))
    assert pixels.shape == (KEPT * 8, 2 * 8, 3)
    np.testing.assert_array_equal(pixels[::8, 0, 0], images.to_uint8(expected))
    np.testing.assert_array_equal(pixels[::8, 8, 0], images.to_uint8(-expected))


def test_a_misspelt_flag_is_refused_by_name(tmp_path):
    code, output = refusal("report", f"--workdir={tmp_path}", "--ouput=x")
    assert code == 2
    assert "--ouput=x: expected a flag of this program, or a folder" in output

"""What can be known is known before any work: before an image is read, a network is
built or npm is started."""

import dataclasses
import os
import re
import shutil

import pytest
import tensorflow as tf
from support.files import save_noise
from support.programs import all_programs, refusal, settings_of
from support.runs import untrained

from egsc_tf import config as config_lib
from egsc_tf.config import EMBEDDED, Config
from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.evaluation import finished_run, scoring
from egsc_tf.evaluation.settings import Settings
from egsc_tf.export import tflite, web
from egsc_tf.export.webpage import build as web_build
from egsc_tf.metrics import extractors
from egsc_tf.models import vgg
from egsc_tf.reporting import writing
from egsc_tf.run import lock, restore, workdir
from egsc_tf.training import run as training

FOLDERS = ("trainA", "trainB", "testA", "testB")


@pytest.fixture
def photos(tmp_path):
    """A data set of two images a folder."""
    folder = tmp_path / "photos"
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
        for number in range(2):
            save_noise(folder / name / f"{number}.png", 16, 16, number)
    return folder


@pytest.fixture
def no_work(monkeypatch):
    """Whatever begins the work of a program fails the test."""

    def began(*args, **kwargs):
        pytest.fail("work began")

    monkeypatch.setattr(images, "read_picture", began)
    monkeypatch.setattr(restore, "load", began)
    monkeypatch.setattr(web_build, "build", began)
    monkeypatch.setattr(vgg, "load", began)
    monkeypatch.setattr(tf.saved_model, "load", began)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("once") / "run", dataset="folder")


@pytest.fixture
def trained(made_once, photos, tmp_path):
    """A run on the photos, as it is before its first step."""
    folder = shutil.copytree(made_once, str(tmp_path / "run"))
    dataclasses.replace(config_lib.load(folder), data_dir=str(photos)).save(folder)
    return folder


def test_train_looks_before_it_reads(photos, tmp_path, no_work):
    run, config = str(tmp_path / "run"), Config(dataset="folder", data_dir=str(photos))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--workdir=.*: expected a folder that can be"):
        training.train(config, str(tmp_path / "file" / "run"))
    with pytest.raises(UserError, match=r"--perceptual_network=no\.h5: expected"):
        training.train(dataclasses.replace(config, perceptual_network="no.h5"), run)
    shutil.rmtree(photos / "trainB")
    with pytest.raises(UserError, match="trainB: expected a folder of images, found"):
        training.train(config, run)
    assert not os.path.exists(run)


def test_vgg_is_there_before_the_images_are_read(photos, tmp_path, monkeypatch):
    """Its download may fail, and reading may take minutes."""

    def none(*args):
        raise UserError("--perceptual_network: no network")

    monkeypatch.setattr(images, "read_picture", lambda *args: pytest.fail("read"))
    monkeypatch.setattr(vgg, "load", none)
    config = Config(dataset="folder", data_dir=str(photos))
    with pytest.raises(UserError, match="no network"):
        training.train(config, str(tmp_path / "run"))


def test_a_second_start_is_told_of_the_first_before_it_reads(photos, tmp_path, no_work):
    run, config = str(tmp_path / "run"), Config(dataset="folder", data_dir=str(photos))
    os.mkdir(run)
    with lock.run_lock(run):
        with pytest.raises(
            UserError, match=r"run\.lock: expected no other run in this"
        ):
            training.train(config, run)
        assert os.listdir(run) == ["run.lock"]


def test_a_start_that_fails_at_its_images_leaves_no_folder(photos, tmp_path):
    for path in sorted((photos / "trainA").iterdir())[1:]:
        path.unlink()
    config = Config(dataset="folder", data_dir=str(photos), perceptual_network=EMBEDDED)
    with pytest.raises(UserError, match="trainA: expected at least 2 usable images"):
        training.train(config, str(tmp_path / "runs" / "run"))
    assert not (tmp_path / "runs").exists()


def test_train_needs_locks_and_says_where_they_are(tmp_path, monkeypatch):
    lock.require_locks()
    monkeypatch.setattr(lock.sys, "platform", "win32")
    with pytest.raises(UserError, match="expected Linux or macOS, found Windows"):
        training.train(Config(), str(tmp_path / "run"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metrics": ("fid",), "extractor": "no.h5"}, r"--extractor=no\.h5: expected"),
        ({"perceptual_network": "no.h5"}, r"--perceptual_network=no\.h5: expected"),
        (
            {"metrics": ("segmentation_agreement",), "segmentation_model": "no"},
            "--segmentation_model=no: expected a SavedModel",
        ),
    ],
)
def test_evaluate_looks_before_it_translates(trained, no_work, settings, message):
    with pytest.raises(UserError, match=message):
        scoring.evaluate(trained, Settings(**settings))


def test_evaluate_looks_for_labels_and_a_place_for_results(
    trained, photos, tmp_path, no_work, monkeypatch
):
    monkeypatch.setattr(tf.saved_model, "contains_saved_model", lambda path: True)
    settings = Settings(
        metrics=("segmentation",), segmentation_model="x", label_dir=str(tmp_path)
    )
    with pytest.raises(
        UserError, match="--label_dir=.*testA and testB with label maps"
    ):
        scoring.evaluate(trained, settings)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--output=.*: expected a folder that can be"):
        scoring.evaluate(trained, output=str(tmp_path / "file" / "x"))
    with pytest.raises(
        UserError, match=r"x\.html: expected a file that can be written"
    ):
        writing.write([trained], str(tmp_path / "file" / "x.html"))
    shutil.rmtree(photos / "testA")
    with pytest.raises(UserError, match="testA: expected a folder of images"):
        scoring.evaluate(trained)


def test_evaluate_gets_the_networks_before_it_translates(trained, monkeypatch):
    """Offline, Inception is missed at once."""

    def none(*args):
        raise UserError("--extractor: no network")

    monkeypatch.setattr(extractors, "load", none)
    monkeypatch.setattr(images, "read_picture", lambda *args: pytest.fail("read"))
    settings = Settings(metrics=("tsne", "fid"), extractor="inception")
    with pytest.raises(UserError, match="no network"):
        scoring.evaluate(trained, settings)


def test_exports_look_for_test_images_first(trained, photos, tmp_path, no_work):
    output = str(tmp_path / "out")
    shutil.rmtree(photos / "testB")
    for export in (tflite.export, web.export):
        with pytest.raises(UserError, match="testB: expected a folder of images"):
            export(trained, output)
    assert not os.path.exists(output)


def test_the_page_looks_for_all_that_it_needs_first(trained, tmp_path, no_work):
    output = str(tmp_path / "out")
    missing = (str(tmp_path / "no_style.png"),) * 2
    with pytest.raises(UserError, match=r"no_style\.png: expected"):
        web.export(trained, output, web.Settings(exemplars=missing))
    with pytest.raises(UserError, match="--height: expected a multiple of"):
        web.export(trained, output, web.Settings(height=17))
    shutil.rmtree(os.path.join(trained, "translation"))
    with pytest.raises(UserError, match="expected a checkpoint of the translation"):
        web.export(trained, output)


def test_the_page_misses_npm_first(trained, tmp_path, no_work, monkeypatch):
    monkeypatch.setattr(web_build.shutil, "which", lambda name: None)
    built = str(tmp_path / "built")
    for settings in (web.Settings(), web.Settings(build=built)):
        with pytest.raises(UserError, match="npm: expected on PATH"):
            web.export(trained, str(tmp_path / "out"), settings)


def test_variants_look_for_what_their_scores_need(photos, tmp_path, monkeypatch):
    from egsc_tf import variants

    monkeypatch.setattr(
        variants, "train_and_score", lambda *args: pytest.fail("trained")
    )
    shutil.rmtree(photos / "testA")
    flags = variants.Flags(str(tmp_path / "runs"))
    base = Config(dataset="folder", data_dir=str(photos), perceptual_network="embedded")
    with pytest.raises(UserError, match="testA: expected a folder of images"):
        variants.main(base, flags)
    with pytest.raises(UserError, match=r"--perceptual_network=no\.h5"):
        variants.main(Config(perceptual_network="no.h5"), flags)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("train", ["--dataset=folder", "--workdir=unused"]),
        ("new", ["--output=unused"]),
        ("check_dataset", []),
    ],
)
def test_the_folder_of_a_domain_points_at_the_one_above(photos, no_work, name, flags):
    code, output = refusal(name, *flags, f"--data_dir={photos / 'trainA'}")
    assert code == 2
    assert f"found one of these; --data_dir={photos} is above it" in output
    code, output = refusal("train", "--workdir=x", f"--data_dir={photos / 'trainB'}")
    assert code == 2
    assert f". Photos? Add --dataset=folder --data_dir={photos}\n" in output


@pytest.mark.parametrize("name", sorted({*all_programs()} - {"export.run_tflite"}))
def test_missing_flags_are_told_in_one_line_of_our_own(name):
    of = [f for each in settings_of(name)[0] for f in dataclasses.fields(each)]
    required = [f"--{f.name}" for f in of if f.metadata.get("required")]
    if not required:
        return
    code, output = refusal(name)
    assert code == 2
    told = f"error: expected {', '.join(required)}, found no value; --help"
    assert told in output
    assert "None" not in output


def test_new_looks_for_weights_before_it_measures(photos, tmp_path, no_work):
    code, output = refusal(
        "new",
        f"--data_dir={photos}",
        f"--output={tmp_path / 'mine.flags'}",
        "--perceptual_network=no.h5",
    )
    assert code == 2
    assert output.startswith("error: --perceptual_network=no.h5: expected")


def test_a_run_is_used_from_another_folder(photos, tmp_path, monkeypatch):
    """Its relative paths are those of where it was begun, also on the way back."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "vgg.h5").write_text("")
    monkeypatch.chdir(tmp_path)
    flags = {"dataset": "folder", "perceptual_network": "vgg.h5"}
    begun = Config(**flags, data_dir="photos")
    begun.save("run")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tflite.check("../run", tflite.Settings()).data_dir == str(photos)
    resumed = Config(**{**flags, "perceptual_network": "../vgg.h5"})
    workdir.check_flags("../run", dataclasses.replace(resumed, data_dir="../photos"))
    # The whole project was moved: files may lie elsewhere, names stay names.
    moved = dataclasses.replace(begun, perceptual_network="/new/vgg.h5")
    workdir.check_flags("../run", moved)
    with pytest.raises(UserError, match="--perceptual_network was '/.*, is now 'embed"):
        workdir.check_flags(
            "../run", Config(**{**flags, "perceptual_network": EMBEDDED})
        )


def test_data_that_moved_are_named_with_the_flag_that_says_where(
    trained, photos, tmp_path, no_work
):
    now = str(photos.rename(tmp_path / "new"))
    kept = re.escape(f"--data_dir={photos} comes from {trained}/run.flags; the same")
    for use in (
        lambda data_dir: scoring.evaluate(trained, Settings(data_dir=data_dir)),
        lambda data_dir: tflite.check(trained, tflite.Settings(data_dir=data_dir)),
    ):
        with pytest.raises(UserError, match=f"photos/testA: expected.* found.*{kept}"):
            use("")
        with pytest.raises(UserError, match="^no/testA: expected .* found none$"):
            use("no")
    tflite.check(trained, tflite.Settings(data_dir=now))


def test_a_report_tells_it_as_well(trained, photos, tmp_path):
    photos.rename(tmp_path / "new")
    with pytest.raises(UserError, match=f"--data_dir={photos} comes from .*run.flags"):
        finished_run.Run(trained, Settings()).pool("test", "a")

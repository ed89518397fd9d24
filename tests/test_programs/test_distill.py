"""A student is a run of its own, which every program takes as it is."""

import dataclasses
import json
import os
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from support.programs import refusal
from support.runs import untrained
from support.trainers import RUN, TINY, batches

from egsc_tf import config as config_lib
from egsc_tf import losses
from egsc_tf.data.augmentation import finish
from egsc_tf.errors import OtherNetworks, UserError
from egsc_tf.evaluation import scalars
from egsc_tf.evaluation import settings as evaluation
from egsc_tf.evaluation.finished_run import Run
from egsc_tf.models import vgg
from egsc_tf.models.translator import Translator
from egsc_tf.reporting import sections
from egsc_tf.run import checkpoints, restore
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime.flags import define, idle, parse
from egsc_tf.training import run as train_lib
from egsc_tf.training.adversarial import copy_weights
from egsc_tf.training.distillation import DistillationTrainer, images
from egsc_tf.training.draws import NONE
from egsc_tf.training.student import Settings, command, config_of, distill

SMALL = Settings(
    ngf=2,
    batch_size=4,
    total_steps=4,
    log_every=1,
    sample_every=2,
    checkpoint_every=2,
)
FLAGS = [f"--{name}={getattr(SMALL, name)}" for name in ("ngf", "batch_size")] + [
    f"--{name}={getattr(SMALL, name)}"
    for name in ("total_steps", "log_every", "sample_every", "checkpoint_every")
]


@pytest.fixture(scope="module")
def student(finished, tmp_path_factory):
    """(folder, trainer) of a student of the finished run; not to be changed."""
    folder = str(tmp_path_factory.mktemp("distilled") / "student")
    return folder, distill(finished[0], folder, SMALL)


def values_of(folder, step=4):
    """{name: value} of a checkpoint of a student."""
    reader = tf.train.load_checkpoint(
        checkpoints.path_of(os.path.join(folder, "translation"), step)
    )
    names = reader.get_variable_to_shape_map()
    return {
        n: reader.get_tensor(n) for n in names if not n.startswith(("seconds", "_"))
    }


def moves_of(folder):
    """{name: how far the last two steps moved a weight} of a student."""
    before, after = values_of(folder, 2), values_of(folder, 4)
    parts = ("generator", "feature", "trained", "discriminator")
    return {n: after[n] - x for n, x in before.items() if n.startswith(parts)}


def tiny(config, teacher=None, discriminators=None, **weights):
    """A prepared DistillationTrainer and a batch; the teacher has other weights."""
    if teacher is None:
        teacher = Translator.from_config(config)
        teacher.create_variables()
    phi = vgg.of_config(config)
    weights = {"translation_weight": 100.0, **weights}
    trainer = DistillationTrainer(config, teacher, phi=phi, **weights)
    if discriminators:
        trainer.read_discriminators(discriminators)
    batch = batches(config, 0, 1)[0]
    trainer.prepare(batch)
    return trainer, batch


def floats(batch):
    """{"x_a", "x_b"}: a step's first batch, in [-1, 1]."""
    return finish({name: x[:, 0] for name, x in batch.items()})


def of(teacher, **changes):
    return config_of(teacher, dataclasses.replace(SMALL, **changes))


def test_a_student_is_a_run_of_its_own(finished, student):
    teacher, (folder, trainer) = finished[0], student
    config = config_lib.load(folder)
    assert (config.ngf, config.padding, config.upsample) == (2, "zero", "resize")
    assert (config.n_res, config.n_encoder) == (RUN.n_res, RUN.n_encoder)
    assert (config.height, config.dataset) == (RUN.height, RUN.dataset)
    translator = restore.load(folder)
    assert translator.steps == 4
    x = np.random.RandomState(0).uniform(-1, 1, [2, 12, 12, 3]).astype("float32")
    made = translator.translate(x, x, "a2b")
    assert made.shape == [2, 12, 12, 3]
    ours = Translator.of_trainer(trainer).translate(x, x, "a2b")
    np.testing.assert_allclose(made, ours, atol=1e-6)
    # Its style codes are not those of the teacher: they have another size.
    with pytest.raises(
        UserError, match=r"^style: expected \[2, 4\] or \[1, 4\], found"
    ):
        translator.translate_with_style(x, restore.load(teacher).encode_style(x))
    with open(os.path.join(folder, "distilled.json"), encoding="utf-8") as file:
        origin = json.load(file)
    assert origin["teacher"] == os.path.abspath(teacher)
    assert origin["checkpoint"].startswith("4 (")
    samples = os.listdir(os.path.join(folder, "samples"))
    assert sorted(samples) == ["translation_0000002.png", "translation_0000004.png"]


def test_a_student_goes_on_bit_for_bit(finished, student, tmp_path):
    folder = shutil.copytree(student[0], str(tmp_path / "student"))
    place = workdir_lib.folder(folder, workdir_lib.TRANSLATION)
    for name in os.listdir(place):
        if name.startswith("ckpt-4"):
            os.remove(os.path.join(place, name))
    distill(finished[0], folder, SMALL)
    found, wanted = values_of(folder), values_of(student[0])
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_two_replicas_teach_as_one_device_does(
    finished, student, tmp_path, two_replicas
):
    folder = str(tmp_path / "two")
    distill(finished[0], folder, SMALL, two_replicas)
    one, two = (
        scalars.read(os.path.join(where, "logs", workdir_lib.TRANSLATION))
        for where in (student[0], folder)
    )
    assert set(one) == set(two)
    for name, (steps, values) in one.items():
        assert two[name][0] == steps
        close = 1e-3 if "gradient_norm" in name else 1e-4
        assert two[name][1] == pytest.approx(values, rel=close), name
    one, two = (moves_of(where) for where in (student[0], folder))
    assert set(one) == set(two)
    for name, move in one.items():
        # An instance norm takes such a bias away: its gradient is rounding alone.
        if not re.match(r"discriminator_./convs/1/bias", name):
            far = np.linalg.norm(two[name] - move) / np.linalg.norm(move)
            assert far < 1e-3, name


def test_the_program_writes_the_page_of_a_student(finished, student, tmp_path):
    folder = shutil.copytree(student[0], str(tmp_path / "student"))
    flags = [f"--workdir={finished[0]}", f"--output={folder}", *FLAGS]
    code, output = refusal("distill", *flags)
    assert code == 0, output
    page = os.path.join(folder, "report.html")
    assert f"written: {page}" in output
    with open(page, encoding="utf-8") as file:
        text = file.read()
    assert "G/translation: distillation, L1" in text
    assert "python -m egsc_tf.distill" in text
    assert f"--workdir={os.path.abspath(finished[0])}" in text
    assert "stage 1" not in text


def test_images_are_those_that_the_teacher_translates(finished):
    teacher = restore.load(finished[0])
    batch = batches(RUN, 0, 1)[0]
    x_a, x_b = (floats(batch)[name] for name in ("x_a", "x_b"))
    made = images(teacher, x_a, x_b, clipped=True)
    for name, content, style, direction in (
        ("ab", x_a, x_b, "a2b"),
        ("ba", x_b, x_a, "b2a"),
    ):
        wanted = teacher.translate(content, style, direction)
        np.testing.assert_allclose(made[name], wanted, atol=1e-5)
    assert set(made) == {"aa", "ab", "ba", "bb"}


def test_a_student_that_is_its_teacher_has_nothing_to_learn():
    config = of(
        TINY, ngf=TINY.ngf, padding="reflect", content_weight=3.0, style_weight=5.0
    )
    teacher = Translator.from_config(config)
    teacher.create_variables()
    trainer, batch = tiny(config, teacher, translation_weight=7.0)
    x = floats(batch)
    total, logs, _ = trainer.generator_losses(x, NONE)
    parts = {name: float(value) for name, value in logs.items()}
    assert min(parts.values()) > 0.0
    assert float(total) == pytest.approx(
        7.0 * (parts["G/translation_a"] + parts["G/translation_b"])
        + 20.0 * (parts["G/recon_a"] + parts["G/recon_b"])
        + (parts["G/adv_a"] + parts["G/adv_b"])
        + 5.0 * parts["G/style"]
        + 3.0 * parts["G/content"],
        rel=1e-5,
    )
    for part in ("generator", "feature_a", "feature_b"):
        copy_weights(getattr(teacher, part), getattr(trainer.student, part))
    _, logs, _ = trainer.generator_losses(x, NONE)
    for name, value in logs.items():
        if "adv" not in name:  # a clipped pixel, of leaky_tanh, would differ
            assert float(value) == pytest.approx(0.0, abs=1e-5), name


@pytest.mark.parametrize(
    "ablation",
    [
        {"use_masks": False},
        {"use_adain": False},
        {"use_masks": False, "use_adain": False},
        {"use_masks": False, "style_code": "encoder"},
        {"twin_start": True},
    ],
    ids=str,
)
def test_every_kind_of_teacher_has_students(ablation):
    """All that is trained gets a gradient, and the teacher none."""
    config = of(dataclasses.replace(TINY, **ablation))
    trainer, batch = tiny(config)
    one = {name: x[:, 0] for name, x in batch.items()}
    _, gradients, bad = trainer.g_gradients(one, 0)
    assert len(gradients) == len(trainer.g_variables)
    assert all(gradient is not None for gradient in gradients)
    assert not bad.numpy().any()
    ours = {v.ref() for v in trainer.g_variables}
    assert not ours & {v.ref() for v in trainer.teacher.variables}
    for network, twin in trainer.twins() if config.twin_start else ():
        np.testing.assert_array_equal(network.variables[0], twin.variables[0])


def test_discriminators_begin_with_the_teachers_weights(finished):
    path = restore.checkpoint_of(finished[0])
    config = of(RUN)
    trainer, _ = tiny(config, restore.load(finished[0]), path)
    for domain in "ab":
        found = getattr(trainer, f"discriminator_{domain}").variables
        wanted = getattr(finished[1], f"discriminator_{domain}").variables
        for one, other in zip(found, wanted):
            np.testing.assert_array_equal(one, other)


def test_a_student_looks_as_its_teacher_did():
    """With as many features, of images as small; where it looks at all."""
    looks = {"perceptual_layers": 3, "perceptual_scale": 0.5}
    teacher = dataclasses.replace(TINY, **looks)
    blind = of(teacher)
    assert (blind.perceptual_layers, blind.perceptual_scale) == (5, 1.0)
    assert not [*idle(blind)]
    config = of(teacher, style_weight=10.0, content_weight=2.0)
    assert (config.perceptual_layers, config.perceptual_scale) == (3, 0.5)
    trainer, batch = tiny(config)
    x = floats(batch)
    _, logs, _ = trainer.generator_losses(x, NONE)
    phi, both = vgg.load("embedded"), []
    for translator in (trainer.student, trainer.teacher):
        made = images(translator, x["x_a"], x["x_b"], own=False)
        both.append(phi(tf.concat([made["ba"], made["ab"]], axis=0), 3, 2))
    for name, loss in (
        ("G/style", losses.STYLE_LOSSES[config.style_loss]),
        ("G/content", losses.content_loss),
    ):
        assert float(logs[name]) == pytest.approx(2.0 * float(loss(*both)), rel=1e-4)
    with pytest.raises(ValueError, match=r"^phi: expected a PerceptualNetwork, as sty"):
        DistillationTrainer(config, trainer.teacher, 100.0)


def test_what_has_no_weight_is_not_computed():
    config = of(TINY, adv_weight=0.0, recon_weight=0.0)
    trainer, batch = tiny(config)
    x = floats(batch)
    total, logs, _ = trainer.generator_losses(x, NONE)
    assert set(logs) == {"G/translation_a", "G/translation_b"}
    assert float(total) == pytest.approx(100.0 * sum(map(float, logs.values())))
    some = images(trainer.student, x["x_a"], x["x_b"], own=False)
    whole = images(trainer.student, x["x_a"], x["x_b"])
    assert set(some) == {"ab", "ba"}
    for name, image in some.items():
        np.testing.assert_allclose(image, whole[name], atol=1e-5)
    config = of(TINY, translation_weight=0.0, adv_weight=0.0)
    trainer, batch = tiny(config, translation_weight=0.0)
    _, logs, _ = trainer.generator_losses(floats(batch), NONE)
    assert set(logs) == {"G/recon_a", "G/recon_b"}
    with pytest.raises(UserError, match=r"^--translation_weight=0 --recon_weight=0 --"):
        of(TINY, translation_weight=0.0, recon_weight=0.0)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("translation_weight", -1.0, "at least 0"),
        ("translation_weight", float("nan"), "at least 0"),
        ("n_res", 10, "at most 9"),
        ("padding", "none", "one of reflect, zero"),
    ],
)
def test_a_bad_setting_is_named_in_python_too(name, value, expected):
    with pytest.raises(UserError, match=f"^--{name}: expected {expected}"):
        Settings(**{name: value})


def test_the_teachers_images_may_lie_elsewhere(tmp_path):
    places = {"data_dir": str(tmp_path / "data"), "manual_dir": str(tmp_path / "own")}
    config = of(dataclasses.replace(TINY, dataset="tfds:x"), **places)
    assert {name: getattr(config, name) for name in places} == places
    assert of(dataclasses.replace(TINY, dataset="folder"), recursive=True).recursive
    with pytest.raises(UserError, match=r"^--manual_dir=x: expected a run of --datas"):
        of(TINY, manual_dir="x")


def test_a_student_reads_its_images_as_it_is_told_to(tmp_path):
    teacher = dataclasses.replace(
        RUN, dataset="folder", data_dir="here", cache_dir="cache"
    )
    config = config_of(teacher, SMALL)
    assert (config.on_bad_image, config.cache_dir) == ("stop", "")
    how = {"on_bad_image": "skip", "cache_dir": str(tmp_path)}
    config = config_of(teacher, dataclasses.replace(SMALL, **how))
    assert (config.on_bad_image, config.cache_dir) == ("skip", str(tmp_path))
    for name, value in how.items():
        with pytest.raises(UserError, match=f"^--{name}=.*: expected a run of --datas"):
            config_of(RUN, dataclasses.replace(SMALL, **{name: value}))


def test_the_command_of_a_student_makes_it_again(finished, student):
    values = absl_flags.FlagValues()
    define(Settings, values)
    others = values(["distill", *command(student[0])], known_only=True)[1:]
    assert others == [f"--workdir={finished[0]}", f"--output={student[0]}"]
    teacher = config_lib.load(finished[0])
    assert config_of(teacher, parse(Settings, values)) == config_lib.load(student[0])


def test_what_is_wrong_is_told_before_there_is_any_work(finished, student, tmp_path):
    teacher, new = finished[0], str(tmp_path / "new")
    other = shutil.copytree(teacher, str(tmp_path / "other"))
    place = workdir_lib.folder(other, workdir_lib.TRANSLATION)
    for name in os.listdir(place):
        if name.startswith("ckpt-4"):
            os.remove(os.path.join(place, name))
    begun = str(tmp_path / "begun")
    RUN.save(begun)
    for workdir, output, settings, message in (
        (str(tmp_path / "no"), new, {}, "run.flags: expected the flags of a run"),
        (begun, new, {}, "expected a checkpoint of the translation stage, found none"),
        (teacher, teacher, {}, "^--output=.*: expected another folder than --workdir"),
        (teacher, other, {}, "^--output=.*: expected a new folder, or a student"),
        (teacher, new, {"mixed_precision": "half"}, "^--mixed_precision: expected one"),
        (teacher, new, {"n_encoder": 6}, "^--height: expected at least"),
        (teacher, new, {"data_dir": "x"}, "^--data_dir=x: expected a run of --dataset"),
        (teacher, student[0], {"ngf": 3}, "^--output=.*--ngf was 2, is now 3. Use an"),
        (
            teacher,
            student[0],
            {"translation_weight": 5.0},
            "^--output=.*--translation_weight was 100.0, is now 5.0. Use another",
        ),
        (other, student[0], {}, "^--output=.*; the teacher's checkpoint was 4 .*now 2"),
    ):
        with pytest.raises(UserError, match=message):
            distill(workdir, output, dataclasses.replace(SMALL, **settings))
        assert not os.path.exists(new)
    with pytest.raises(UserError, match=r"^--workdir=.*found a student; egsc_tf\.dist"):
        train_lib.train(config_lib.load(student[0]), student[0])


def test_a_student_of_another_step_goes_on_where_that_is_wanted(
    finished, student, tmp_path, caplog
):
    other = shutil.copytree(finished[0], str(tmp_path / "other"))
    place = workdir_lib.folder(other, workdir_lib.TRANSLATION)
    for name in os.listdir(place):
        if name.startswith("ckpt-4"):
            os.remove(os.path.join(place, name))
    folder = shutil.copytree(student[0], str(tmp_path / "student"))
    with caplog.at_level("INFO", logger="absl"):
        distill(other, folder, SMALL, override_run=True)
    assert "the student changed: the teacher's checkpoint was 4 (" in caplog.text
    assert "translation: done, 4 steps" in caplog.text


def test_a_failed_override_leaves_the_student_as_it_was(finished, student, tmp_path):
    folder = shutil.copytree(student[0], str(tmp_path / "student"))

    def kept():
        return [
            (tmp_path / "student" / name).read_text()
            for name in ("distilled.json", "run.flags")
        ]

    before = kept()
    other = dataclasses.replace(SMALL, ngf=3, translation_weight=5.0)
    with pytest.raises(OtherNetworks, match="expected a checkpoint of the networks"):
        distill(finished[0], folder, other, override_run=True)
    assert kept() == before


def test_a_teacher_without_discriminators_is_refused(tmp_path, caplog):
    workdir = untrained(tmp_path / "teacher")
    with pytest.raises(OtherNetworks, match="expected a checkpoint of the networks"):
        distill(workdir, tmp_path / "student", SMALL)
    assert not workdir_lib.is_student(str(tmp_path / "student"))
    (told,) = [line for line in caplog.messages if line.startswith("teacher: ")]
    assert re.search(r", step 0 of \d+; it has not finished$", told)


@pytest.mark.parametrize("where", ["fingerprint", "read"])
def test_a_teacher_that_still_trains_is_told_of(finished, tmp_path, monkeypatch, where):
    """It deletes the checkpoint that a student just found."""
    teacher = shutil.copytree(finished[0], str(tmp_path / "teacher"))
    room = {"fingerprint": checkpoints, "read": restore}[where]
    reads = getattr(room, where)

    def too_late(*args):
        shutil.rmtree(workdir_lib.folder(teacher, workdir_lib.TRANSLATION))
        return reads(*args)

    monkeypatch.setattr(room, where, too_late)
    with pytest.raises(UserError, match=r"ckpt-4.*deleted.*still trains; let it fin"):
        distill(teacher, tmp_path / "student", SMALL)


def test_a_broken_note_does_not_fail_the_report(student, tmp_path):
    folder = shutil.copytree(student[0], str(tmp_path / "student"))
    (tmp_path / "student" / "distilled.json").write_text("{")
    page = str(sections.overview([Run(folder, evaluation.Settings())]))
    assert "not known" in page
    assert "expected what egsc_tf.distill wrote" in page

"""Flags, their bounds, and the flags that a run keeps."""

import dataclasses
import os

import pytest
from absl import flags
from support.paths import REPOSITORY

from egsc_tf import config as config_lib
from egsc_tf.config import Config
from egsc_tf.errors import UserError
from egsc_tf.run import workdir
from egsc_tf.runtime import flagfiles
from egsc_tf.runtime import flags as flags_lib


def parse(*arguments):
    values = flags.FlagValues()
    flags_lib.define(Config, values)
    values(["program", *flagfiles.expand(arguments)])
    return flags_lib.parse(Config, values)


def test_defaults_and_overrides():
    assert parse() == Config()
    config = parse("--ngf=16", "--content_view=recoloured", "--nouse_masks")
    assert (config.ngf, config.content_view, config.use_masks) == (
        16,
        "recoloured",
        False,
    )


def test_every_flag_has_a_help_text():
    for field in dataclasses.fields(Config):
        assert len(field.metadata["help"]) > 5, field.name


def test_flags_after_a_flagfile_win(tmp_path):
    path = tmp_path / "x.flags"
    path.write_text("# a comment\n--ngf=16\n--batch_size=2\n")
    config = parse(f"--flagfile={path}", "--ngf=32")
    assert (config.ngf, config.batch_size) == (32, 2)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"ngf": 0}, "--ngf: expected at least 1, found 0"),
        ({"learning_rate": float("nan")}, "--learning_rate: expected at least"),
        ({"ema_decay": 1.0}, "--ema_decay: expected at most"),
        ({"dataset": "faces"}, "--dataset=faces: expected one of digits_single"),
        ({"height": 30, "n_encoder": 3}, "--height: expected a multiple of 4"),
        ({"perceptual_layers": 0}, "--perceptual_layers: expected at least 1, found 0"),
        ({"perceptual_layers": 6}, "--perceptual_layers: expected at most 5, found 6"),
        ({"perceptual_scale": 0.3}, "--perceptual_scale: expected 1, 0.5 or 0.25, f"),
        ({"perceptual_scale": 0.0}, "--perceptual_scale: expected 1, 0.5 or 0.25, f"),
        (
            {"perceptual_scale": 0.25, "width": 30, "n_encoder": 1},
            r"--width: expected a multiple of 4 \(perceptual_scale=0.25\), found 30",
        ),
        ({"init": "xavier"}, "--init: expected one of he, release; found 'xavier'"),
        # A flagfile would give back something else.
        ({"data_dir": "a\nb"}, "--data_dir: expected one line"),
        ({"data_dir": "a "}, "--data_dir: expected one line"),
        ({"data_dir": "a\udcff"}, r"--data_dir: expected one .* found 'a\\udcff'"),
    ],
)
def test_bad_values_are_named(bad, message):
    with pytest.raises(UserError, match=message):
        Config(**bad)


def test_save_and_load(tmp_path):
    config = Config(
        ngf=12, use_masks=False, learning_rate=3e-5, data_dir="/a folder/with é"
    )
    config.save(str(tmp_path))
    assert config_lib.load(str(tmp_path)) == config
    assert [p.name for p in tmp_path.iterdir()] == ["run.flags"]
    assert parse(f"--flagfile={tmp_path / 'run.flags'}") == config


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(UserError, match=r"run\.flags: expected the flags of a run"):
        config_lib.load(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"--no_such_flag=1\n", "no_such_flag"),
        (
            b"\xff\xfe\0" * 50,
            "expected text in UTF-8, found: invalid start byte",
        ),
        (b"--ngf=-5\n", "--ngf: expected at least 1"),
        (b"--ngf=4\nrubbish\n", "found 'rubbish'"),
        (b"", "found an empty file"),
    ],
)
def test_flags_that_are_none_are_named(tmp_path, content, found):
    (tmp_path / "run.flags").write_bytes(content)
    with pytest.raises(UserError, match=rf"run\.flags: expected the flags.*{found}"):
        config_lib.load(str(tmp_path))


@pytest.fixture
def presets(monkeypatch):
    """{name: Config} of experiments/, given by path as the flagfiles' heads do."""
    monkeypatch.chdir(REPOSITORY)
    names = [n for n in os.listdir("experiments") if n.endswith(".flags")]
    return {n[: -len(".flags")]: parse(f"--flagfile=experiments/{n}") for n in names}


def test_presets_differ_and_say_how_they_are_run(presets):
    assert len(set(presets.values())) == len(presets) > 10
    for name in presets:
        with open(f"experiments/{name}.flags", encoding="utf-8") as file:
            head = file.read().split("\n--")[0]
        if not name.endswith("_numerics"):
            for word in ("Command:", "Hardware:", "Time:", "Result:"):
                assert f"# {word} " in head, name


# Of the paper: size, batch, learning rate, n_encoder, lambda_s, lambda_c.
PAPER = {
    "mnist_single": (28, 28, 8, 1e-5, 1, 1e3, 1e1),
    "mnist_multi": (112, 112, 8, 1e-5, 3, 1e4, 1e2),
    "gta5_bdd": (256, 512, 3, 1e-4, 3, 1e4, 1e2),
    "gta5_cityscapes": (256, 512, 3, 1e-4, 3, 1e3, 5e2),
    "celeba": (128, 128, 8, 1e-4, 3, 5e3, 1e1),
}


@pytest.mark.parametrize("name", sorted(PAPER))
def test_release_presets_are_the_papers(presets, name):
    config = presets[f"release_{name}"]
    assert PAPER[name] == (
        config.height,
        config.width,
        config.batch_size,
        config.learning_rate,
        config.n_encoder,
        config.style_weight,
        config.content_weight,
    )
    assert config.mask_learning_rate == config.learning_rate
    assert config.ngf == config.ndf == 64
    assert config.g_update == 5
    assert config.adain_form == config.discriminator_form == config.init == "release"
    assert config.test_noise
    assert config.ema_decay == 0.0
    assert (config.output, config.content_view) == ("tanh", "same")
    assert (config.style_loss, config.discriminator_norm) == ("gram", "instance")
    assert presets[f"fast_{name}"].dataset == config.dataset


def test_a_workdir_belongs_to_one_run(tmp_path):
    config = Config(ngf=8)
    assert workdir.check_flags(str(tmp_path), config) == config
    config.save(str(tmp_path))
    longer = dataclasses.replace(config, total_steps=9, log_every=2)
    assert workdir.check_flags(str(tmp_path), longer) == config
    longer.save(str(tmp_path))
    assert config_lib.load(str(tmp_path)) == longer
    with pytest.raises(
        UserError, match="--ngf was 8, is now 9; --seed was 0, is now 1"
    ):
        workdir.check_flags(str(tmp_path), dataclasses.replace(config, ngf=9, seed=1))
    assert config_lib.load(str(tmp_path)) == longer

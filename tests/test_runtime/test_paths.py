"""A path means one thing in every program, and is looked at before any work."""

import argparse
import os
import pathlib
from functools import partial

import pytest
from absl import flags as absl_flags
from support import runs
from support.programs import all_programs, refusal, settings_of, some_value

from egsc_tf import config as config_lib
from egsc_tf.config import Config
from egsc_tf.errors import UserError
from egsc_tf.evaluation import scoring
from egsc_tf.export import run_tflite
from egsc_tf.run import restore
from egsc_tf.runtime import flagfiles, paths
from egsc_tf.runtime import flags as flags_lib
from egsc_tf.training import run

# Programs whose flags are not dataclasses.
ALONE = "export.run_tflite"
PROGRAMS = [name for name in all_programs() if name != ALONE]
# The flags of text that name no file or folder.
NO_PATHS = {
    "beam_translate": {"runner"},
    "benchmark_growth": {"vary"},
    "export.client": {"url", "model"},
    "export.web": {"name"},
    "app": {"host", "root_path"},
    "distill": {"mixed_precision", "on_bad_image", "tpu"},
    "train": {"tpu"},
    "train_segmentation": {"domains"},
    "variants": {"change"},
    "*": {
        "dataset",
        "directions",
        "kinds",
        "metrics",
        "split_a",
        "split_b",
        "variants",
        "what",
    },
}


def fields_of(program):
    return [f for each in settings_of(program)[0] for f in flags_lib.settings_of(each)]


def parsed(program, *arguments):
    """{flag: value} of a command line."""
    values = absl_flags.FlagValues()
    for each in settings_of(program)[0]:
        flags_lib.define(each, values)
    values(["program", *arguments], known_only=True)
    found = {}
    for each in settings_of(program)[0]:
        found.update(vars(flags_lib.parse(each, values)))
    return found


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Where the user is at home; no test stands there."""
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PHOTOS", "/srv/photos")
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.chdir(tmp_path / "elsewhere")
    return str(tmp_path / "home")


def test_what_a_path_means(home):
    assert paths.expand("~/x", "--f") == f"{home}/x"
    assert paths.expand("$PHOTOS/a", "--f") == "/srv/photos/a"
    assert paths.expand("${PHOTOS}a", "--f") == "/srv/photosa"
    assert paths.expand(pathlib.Path("~/x"), "--f") == f"{home}/x"
    for plain in ("", "a~", "./~", "a$", "$5", "gs://x/~y", "a b/é"):
        assert paths.expand(plain, "--f") == plain
    with pytest.raises(UserError, match="^--f: expected variables that are set, .*SET"):
        paths.expand("$NOT_SET/x", "--f")
    with pytest.raises(
        UserError, match="^--f: expected the home .*; ./~no_such_user/x"
    ):
        paths.expand("~no_such_user/x", "--f")


def test_a_path_is_expanded_once(monkeypatch):
    """Else a variable whose value begins with $ would be followed, or lost."""
    for value in ("$PHOTOS/deep", "${PHOTOS}", "/srv/$PHOTOS"):
        monkeypatch.setenv("DEEP", value)
        for given in ("$DEEP", "${DEEP}/x"):
            with pytest.raises(UserError, match="^--data_dir.*: expected a path whose"):
                Config(data_dir=given, dataset="folder")
            with pytest.raises(argparse.ArgumentTypeError, match=": expected a path w"):
                run_tflite.path(given)
    monkeypatch.setenv("DEEP", "a$/$5")
    assert Config(data_dir="$DEEP", dataset="folder").data_dir == "a$/$5"
    monkeypatch.setenv("DEEP", "~/photos")
    once = paths.expand("$DEEP", "--f")
    assert once == paths.expand(once, "--f") == os.path.expanduser("~/photos")


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_flag_of_text_is_a_path_or_known_to_be_none(program):
    """A new flag is either: say `path=` in its field, or name it in NO_PATHS."""
    for field in fields_of(program):
        text = flags_lib.type_of(field)[0] is str and not field.metadata["choices"]
        none = field.name in NO_PATHS["*"] | NO_PATHS.get(program, set())
        path = field.metadata["path"]
        assert (path is not None) == (text and not none), field.name
        assert path in (None, paths.READ, paths.FOLDER, paths.FILE), field.name


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_path_flag_of_every_program_takes_home_and_variables(
    program, tmp_path, home
):
    required = [
        f"--{f.name}={some_value(f)}"
        for f in fields_of(program)
        if f.metadata["required"]
    ]
    flagfile = tmp_path / "some.flags"
    for given, expected in (("~/x", f"{home}/x"), ("$PHOTOS/x", "/srv/photos/x")):
        for field in (f for f in fields_of(program) if f.metadata["path"]):
            many = flags_lib.type_of(field)[1]
            flag = f"--{field.name}={f'{given},{given}' if many else given}"
            flagfile.write_text(f"{flag}\n")
            for argument in (flag, f"--flagfile={flagfile}"):
                found = parsed(program, *required, *flagfiles.expand([argument]))
                assert found[field.name] == ((expected,) * 2 if many else expected)


def test_the_program_that_stands_alone_has_the_same_rule(home, capsys):
    names = ("model", "input", "exemplar", "output")
    found = run_tflite.flags_of([f"--{name}=~/{name}" for name in names])
    assert {n: vars(found)[n] for n in names} == {n: f"{home}/{n}" for n in names}
    for given in ("~/x", "$PHOTOS/a", "${PHOTOS}a", "./~", "a$", "$5", "a b/é"):
        assert run_tflite.path(given) == paths.expand(given, "")
    for given in ("$NOT_SET/x", "~no_such_user/x"):
        with pytest.raises(SystemExit) as end:
            run_tflite.flags_of([f"--{name}={given}" for name in names])
        assert end.value.code == 2
        assert f"argument --model: {given}: expected" in capsys.readouterr().err


def test_nested_flagfiles_lie_at_home(home):
    os.makedirs(f"{home}/presets")
    with open(f"{home}/presets/inner.flags", "w") as file:
        file.write("--ngf=7\n--data_dir=~/photos\n")
    with open(f"{home}/outer.flags", "w") as file:
        file.write("--flagfile=$HOME/presets/inner.flags\n")
    assert flagfiles.expand(["--flagfile=~/outer.flags"]) == [
        "--ngf=7",
        "--data_dir=~/photos",
    ]
    assert config_lib.read("~/outer.flags").data_dir == f"{home}/photos"
    with pytest.raises(UserError, match=r"--flagfile=\$NOT_SET/x: expected variables"):
        flagfiles.expand(["--flagfile=$NOT_SET/x"])


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_cannot_be_written_is_known_before_any_work(program, tmp_path):
    """A file lies where a folder should be: nobody may write below it."""
    (tmp_path / "file").write_text("")
    for field in (f for f in fields_of(program) if f.metadata["path"]):
        if field.metadata["path"] == paths.READ:
            continue
        required = [
            f"--{f.name}={some_value(f)}"
            for f in fields_of(program)
            if f.metadata["required"] and f.name != field.name
        ]
        if field.name == "cache_dir" and program == "benchmark_growth":
            continue  # refused there wherever it is, as images are noise
        if field.name == "cache_dir" and program != "distill":  # no use for digits
            required += ["--dataset=folder", f"--data_dir={tmp_path}"]
        path = tmp_path / "file" / "below" / "x"
        code, output = refusal(program, *required, f"--{field.name}={path}")
        assert code == 2
        told = f"error: --{field.name}={path}: expected a {field.metadata['path']} that"
        assert output == f"{told} can be written, found a file at {tmp_path / 'file'}\n"


def test_a_folder_that_refuses_is_named(tmp_path, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied", dir)

    monkeypatch.setattr(paths.tempfile, "TemporaryFile", refuse)
    message = f"^--output=o: expected a folder that .* written: {tmp_path}: Permission"
    with pytest.raises(UserError, match=message):
        paths.require_writable("--output=o", str(tmp_path / "new" / "er"))
    paths.require_writable("--output=o", "gs://bucket/x")  # the store itself tells


def test_looking_leaves_nothing_behind(tmp_path):
    paths.require_writable("--output=o", str(tmp_path / "new" / "er"))
    paths.require_writable("--json=o", str(tmp_path / "new" / "x.json"), paths.FILE)
    assert not (tmp_path / "new").exists()
    with pytest.raises(UserError, match="^--json=o: expected a file .*found a folder"):
        paths.require_writable("--json=o", str(tmp_path), paths.FILE)


def test_python_has_the_same_rule(home):
    assert config_lib.Config(data_dir="~/photos").data_dir == f"{home}/photos"
    runs.untrained(f"{home}/run")
    assert restore.load("~/run").steps == 0
    message = r"workdir=\$NOT_SET/run: expected variables that are set"
    for use in (
        restore.load,
        scoring.evaluate,
        partial(run.train, config_lib.Config()),
    ):
        with pytest.raises(UserError, match=message):
            use("$NOT_SET/run")
    with pytest.raises(UserError, match="output=.*: expected variables that are set"):
        scoring.evaluate("~/run", output="$NOT_SET")


def test_a_run_keeps_absolute_paths(tmp_path, monkeypatch):
    config = config_lib.Config(data_dir="photos", perceptual_network="vgg.h5")
    here = os.getcwd()
    config.save(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    kept = config_lib.load(str(tmp_path))
    assert kept.data_dir == f"{here}/photos"
    assert kept.perceptual_network == f"{here}/vgg.h5"
    names = config_lib.Config(data_dir="gs://x", perceptual_network="embedded")
    assert names.anchored() == names
    (tmp_path / "$odd").mkdir()
    monkeypatch.chdir(tmp_path / "$odd")
    with pytest.raises(UserError, match=r"--data_dir: expected a path whose folders"):
        config.save(str(tmp_path))

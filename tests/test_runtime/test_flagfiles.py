"""Flagfiles by name: egsc_tf:demo, wherever the package lies and the user stands."""

import os
import shutil

import pytest
from absl import flags
from support.paths import REPOSITORY
from support.programs import refusal

from egsc_tf import config as config_lib
from egsc_tf.errors import UserError
from egsc_tf.runtime import flagfiles
from egsc_tf.runtime import flags as flags_lib

EXPERIMENTS = os.path.join(REPOSITORY, "experiments")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No test stands where experiments/ is."""
    monkeypatch.chdir(tmp_path)


def by_path(name):
    return os.path.join(EXPERIMENTS, f"{name}.flags")


def test_every_file_of_experiments_has_a_name():
    files = sorted(n for n in os.listdir(EXPERIMENTS) if n.endswith(".flags"))
    assert [f"{name}.flags" for name in flagfiles.names()] == files
    assert "demo.flags" in files


@pytest.mark.parametrize("name", flagfiles.names())
def test_a_name_and_its_path_are_one_config(name):
    found = config_lib.read(f"egsc_tf:{name}")
    assert found == config_lib.read(by_path(name))
    values = flags.FlagValues()
    flags_lib.define(config_lib.Config, values)
    values(["program", *flagfiles.expand([f"--flagfile=egsc_tf:{name}"])])
    assert flags_lib.parse(config_lib.Config, values) == found


@pytest.mark.parametrize(
    "arguments",
    [
        ["--flagfile={path}", "--ngf=3"],
        ["--flagfile", "{path}", "--ngf=3"],
        ["-flagfile={path}"],
        ["--seed=1", "--flagfile={path}", "--flagfile={path}"],
        ["--flagfile="],
    ],
)
def test_what_absl_reads_by_path_is_the_same(tmp_path, arguments):
    (tmp_path / "inner.flags").write_text("--width=64\n\n// no flag\n--height=64  \n")
    path = tmp_path / "a.flags"
    path.write_text(f"# a comment\n--ngf=4\n--flagfile={tmp_path}/inner.flags\n--flip")
    arguments = [argument.format(path=path) for argument in arguments]
    values = flags.FlagValues()
    flags_lib.define(config_lib.Config, values)
    assert flagfiles.expand(arguments) == values.read_flags_from_files(arguments)


def test_a_users_flagfile_builds_on_one_by_name(tmp_path):
    (tmp_path / "mine.flags").write_text("--flagfile=egsc_tf:demo\n--ngf=8\n")
    demo = config_lib.read("egsc_tf:demo")
    mine = config_lib.read("mine.flags")
    assert (demo.ngf, mine.ngf) == (16, 8)
    assert mine.content_view == demo.content_view == "recoloured"


def test_nothing_behind_two_dashes_is_read():
    arguments = ["--ngf=4", "--", "--flagfile=egsc_tf:demo"]
    assert flagfiles.expand(arguments) == arguments


def test_an_unknown_name_lists_the_names():
    message = (
        r"--flagfile=egsc_tf:demmo: expected egsc_tf: and one of "
        r"bdd_day2night, .*demo, .*release_numerics; found 'demmo'"
    )
    with pytest.raises(UserError, match=message):
        flagfiles.expand(["--flagfile=egsc_tf:demmo"])
    with pytest.raises(UserError, match="^egsc_tf:../x: expected egsc_tf: and one of"):
        config_lib.read("egsc_tf:../x")


def test_bad_flagfiles_are_named(tmp_path):
    (tmp_path / "ring.flags").write_text("--flagfile=ring.flags\n")
    for arguments, message in (
        (["--flagfile=ring.flags"], "=ring.flags: .* found it again in ring.flags"),
        (["--flagfile=none.flags"], "=none.flags: .*: No such file or directory"),
        (["--flagfile"], "--flagfile: expected a path or a name, found nothing"),
    ):
        with pytest.raises(UserError, match=message):
            flagfiles.expand(arguments)


def test_a_folder_of_such_a_name_is_still_a_folder(tmp_path):
    config = config_lib.Config(ngf=12)
    (tmp_path / "egsc_tf:demo").mkdir()
    config.save("egsc_tf:demo")
    assert config_lib.load("egsc_tf:demo") == config


def test_an_installed_copy_has_its_own(tmp_path, monkeypatch):
    (tmp_path / "experiments").mkdir()
    shutil.copy(by_path("demo"), tmp_path / "experiments")
    monkeypatch.setattr(flagfiles, "PACKAGE", tmp_path)
    assert flagfiles.names() == ["demo"]
    assert flagfiles.path_of("egsc_tf:demo") == str(tmp_path / "experiments/demo.flags")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--flagfile=egsc_tf:nope"], "error: --flagfile=egsc_tf:nope: expected"),
        # It says --dataset=folder.
        (["--flagfile=egsc_tf:celeba_64", "--data_dir=/no/such"], "error: /no/such/tr"),
    ],
)
def test_a_program_takes_names(tmp_path, more, message):
    code, output = refusal("train", f"--workdir={tmp_path / 'run'}", *more)
    assert code == 2
    assert output.startswith(message)
    assert "Traceback" not in output

"""A flag that has no effect is an error that names it, and what it would need."""

import dataclasses

import pytest
from absl import flags as absl_flags
from support.programs import all_programs, refusal, settings_of, some_value

from egsc_tf.config import Config
from egsc_tf.errors import UserError
from egsc_tf.evaluation import registry
from egsc_tf.evaluation.settings import Settings
from egsc_tf.export import tflite
from egsc_tf.local_workers import as_given
from egsc_tf.run import workdir
from egsc_tf.runtime import flagfiles
from egsc_tf.runtime import flags as flags_lib

PROGRAMS = [name for name in all_programs() if name != "export.run_tflite"]
FOLDER, DIGITS = "--dataset=folder", "--dataset=digits_single"
# Of the flags of a run: (given, where it has no effect, where it has one).
OF_RUNS = {
    "data_dir": ("--data_dir=x", DIGITS, FOLDER),
    "recursive": ("--recursive", DIGITS, FOLDER),
    "manual_dir": ("--manual_dir=x", FOLDER, "--dataset=tfds:x"),
    "digits": ("--digits=mnist", FOLDER, DIGITS),
    "polarity": ("--polarity=black_on_white", FOLDER, DIGITS),
    "unseen_pairs": ("--unseen_pairs", "--dataset=digits_multi", DIGITS),
    "on_bad_image": ("--on_bad_image=skip", DIGITS, FOLDER),
    "cache_gib": ("--cache_gib=1", DIGITS, FOLDER),
    "cache_dir": ("--cache_dir=x", DIGITS, FOLDER),
    "adain_form": ("--adain_form=release", "--nouse_adain", "--use_adain"),
    "test_noise": ("--test_noise", "--latent_noise=0", "--latent_noise=1"),
    "style_loss": ("--style_loss=statistics", "--style_weight=0", "--style_weight=1"),
    "perceptual_layers": (
        "--perceptual_layers=4 --style_weight=0",
        "--content_weight=0",
        "--content_weight=1",
    ),
    "perceptual_scale": (
        "--perceptual_scale=0.5 --content_weight=0",
        "--style_weight=0",
        "--style_weight=1",
    ),
}
SEGMENTATION = ("--metrics=fid", "--metrics=segmentation")
TRANSFER = ("--metrics=segmentation", "--metrics=segmentation_transfer")
SCHEDULE = {
    name: (f"--{name}=9", "--height=32", None)
    for name in (
        "mask_steps",
        "total_steps",
        "mask_learning_rate",
        "log_every",
        "sample_every",
        "checkpoint_every",
        "keep_checkpoints",
    )
}
DATA = {
    "dataset": "--dataset=digits_multi",
    "data_dir": "--data_dir=x --digits=mnist",
    "recursive": "--recursive --dataset=folder",
    "manual_dir": "--manual_dir=x --dataset=tfds:x",
    "split_a": "--split_a=x --dataset=tfds:x",
    "split_b": "--split_b=x --dataset=tfds:x",
    "digits": "--digits=mnist",
    "polarity": "--polarity=black_on_white",
    "unseen_pairs": "--unseen_pairs",
    "on_bad_image": "--on_bad_image=skip --dataset=folder",
    "cache_gib": "--cache_gib=1 --dataset=folder",
    "cache_dir": "--cache_dir=x --dataset=folder",
}
OF_PROGRAMS = {
    "evaluate": {
        "extractor": ("--extractor=inception", "--metrics=tsne", "--metrics=kid"),
        "perceptual_network": (
            "--perceptual_network=embedded",
            "--metrics=l1",
            "--metrics=diversity",
        ),
        "kinds": ("--kinds=day,night", "--metrics=fid", "--metrics=exemplar_kind"),
        "segmentation_steps": ("--segmentation_steps=9", *TRANSFER),
        "segmentation_seeds": ("--segmentation_seeds=9", *TRANSFER),
        "segmentation_model": ("--segmentation_model=x", *SEGMENTATION),
        "label_dir": ("--label_dir=x", *SEGMENTATION),
        "segmentation_classes": ("--segmentation_classes=8", *SEGMENTATION),
        "ignore_label": ("--ignore_label=7", *SEGMENTATION),
        "overwrite": ("--overwrite", "--output=", "--output=x"),
    },
    "app": {
        flag[2:].partition("=")[0]: (flag, "--saved_model=x", "--workdir=x")
        for flag in ("--tile=8", "--data_dir=x", "--manual_dir=x", "--recursive")
    },
    "distill": {"style_loss": OF_RUNS["style_loss"]},
    "variants": {"seed": ("--seed=3", "--seeds=4", None)},
    "export.tflite": {
        "calibration_pairs": (
            "--calibration_pairs=3",
            "--variants=float32",
            "--variants=float16,int8",
        )
    },
    "benchmark": {
        **SCHEDULE,
        **{n: (given, "--synthetic", "--what=input") for n, given in DATA.items()},
    },
    "benchmark_growth": {
        **SCHEDULE,
        **{n: (given, "--height=32", None) for n, given in DATA.items()},
    },
}


def fields_of(program):
    return [f for each in settings_of(program)[0] for f in flags_lib.settings_of(each)]


def cases():
    """(program, given, without effect, with effect) of the whole table. The first flag
    of what is given is the one in question."""
    for program in PROGRAMS:
        settings, uses = settings_of(program)
        told = OF_PROGRAMS.get(program, {})
        if Config in settings and program == "train":  # of the others it is the same
            told = OF_RUNS
        for name, case in told.items():
            yield pytest.param(program, *case, id=f"{program}-{name}")


def require_used(program, *arguments, more=()):
    """What egsc_tf.runtime.program does before a program's main()."""
    settings, uses = settings_of(program)
    values = absl_flags.FlagValues()
    for each in settings:
        flags_lib.define(each, values)
    required = [
        f"--{f.name}={some_value(f)}"
        for f in fields_of(program)
        if f.metadata["required"]
    ]
    expanded = flagfiles.expand(arguments)
    values(["program", *required, *expanded])
    made = [flags_lib.parse(each, values) for each in settings]
    flags_lib.require_used(made, flags_lib.Given.of(arguments, expanded), uses)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_table_of_this_test_is_whole(program):
    """A flag that gets a `use` gets a case here; a program's `uses` are flags of it."""
    fields, (settings, uses) = fields_of(program), settings_of(program)
    assert set(uses) <= {f.name for f in fields}
    known = {*OF_PROGRAMS.get(program, ()), *(OF_RUNS if Config in settings else ())}
    used = {f.name for f in fields if f.metadata["use"]} | set(uses)
    assert used == known
    for use in [f.metadata["use"] for f in fields] + [*uses.values()]:
        assert set(use.of if use else ()) <= {f.name for f in fields}


@pytest.mark.parametrize(("program", "given", "idle", "used"), cases())
def test_a_flag_without_effect_is_named(program, given, idle, used, tmp_path):
    flag, *others = given.split()
    (tmp_path / "others.flags").write_text("\n".join(others))
    given = [f"--flagfile={tmp_path / 'others.flags'}", flag]
    required = [
        f"--{f.name}={some_value(f)}"
        for f in fields_of(program)
        if f.metadata["required"]
    ]
    code, output = refusal(program, *required, *given, idle)
    assert code == 2
    assert output.startswith(f"error: {flag}")
    assert output.count(": expected ") == 1
    assert "no effect otherwise" in output
    if used:
        assert idle.split("=")[0].replace("--no", "--") in output.replace("--no", "--")
        require_used(program, *given, used)


def test_a_folder_of_photos_suggests_its_data_set(tmp_path):
    for name in ("trainA", "trainB"):
        (tmp_path / name).mkdir()
    run = tmp_path / "run"
    code, output = refusal("train", f"--data_dir={tmp_path}", f"--workdir={run}")
    assert code == 2
    assert output == (
        f"error: --data_dir={tmp_path}: expected --dataset=folder, official_records or "
        "tfds:NAME, or --digits=mnist, as it has no effect otherwise; found "
        "--dataset=digits_single, --digits=uci. It has trainA and trainB: add "
        "--dataset=folder\n"
    )
    assert not run.exists()
    code, output = refusal("train", "--data_dir=mnist.npz", f"--workdir={run}")
    assert code == 2
    assert "For MNIST's digits: add --digits=mnist" in output


def test_a_default_that_is_typed_needs_no_use():
    require_used("train", "--data_dir=", "--digits=uci", "--polarity=both", FOLDER)


def test_a_preset_may_be_overruled(tmp_path):
    """A flagfile's flag may be idle where another one that was given is why."""
    preset = tmp_path / "mine.flags"
    preset.write_text("--style_loss=statistics\n--data_dir=x\n")
    with pytest.raises(UserError, match="--data_dir=x: expected --dataset=folder"):
        require_used("train", f"--flagfile={preset}", "--style_weight=0")
    require_used("train", f"--flagfile={preset}", "--style_weight=0", FOLDER)
    require_used("train", f"--flagfile={preset}", DIGITS)
    again = ["--style_loss=statistics", "--style_weight=0"]
    with pytest.raises(UserError, match="--style_loss=statistics: expected --style_w"):
        require_used("train", f"--flagfile={preset}", FOLDER, *again)


def test_workers_are_given_presets_as_presets(tmp_path):
    """egsc_tf.local_workers has read the flagfiles, and hands them on."""
    typed = ["--flagfile=egsc_tf:mnist_multi_small", FOLDER, "--data_dir", "x"]
    given = list(as_given(flagfiles.expand(typed), typed, str(tmp_path)))
    assert given[1:] == typed[1:]
    require_used("train", *given)
    assert flagfiles.expand(given) == flagfiles.expand(typed)


@pytest.mark.parametrize("name", flagfiles.names())
def test_every_preset_starts_also_where_it_is_overruled(name, tmp_path):
    preset = f"--flagfile=egsc_tf:{name}"
    require_used("train", preset)
    require_used("train", preset, "--dataset=folder", "--data_dir=x", "--split_a=")
    require_used("train", preset, "--dataset=digits_single")
    require_used("train", preset, "--style_weight=0", "--content_weight=0")
    require_used("train", preset, "--nouse_adain", "--latent_noise=0")
    require_used("benchmark", preset, "--synthetic")
    require_used("variants", preset, "--seeds=1")
    Config(dataset="folder", style_weight=0.0, style_loss="statistics").save(tmp_path)
    require_used("train", f"--flagfile={tmp_path / 'run.flags'}")


def test_metrics_that_the_run_chose_use_the_settings_or_it_is_told():
    config = Config()
    for settings, message in (
        (Settings(extractor="inception"), "--extractor=inception: expected --metrics"),
        (
            Settings(label_dir="x"),
            "--label_dir=x: .*; found --metrics=content_accuracy",
        ),
    ):
        with pytest.raises(UserError, match=message):
            registry.choose((), config, settings)
    registry.choose((), Config(dataset="folder"), Settings(extractor="inception"))


def test_where_data_lie_now_is_of_runs_that_have_some():
    digits = Config()
    message = (
        "^--data_dir=x: expected a run of --dataset=folder.* found "
        "--dataset=digits_single, --digits=uci$"
    )
    with pytest.raises(UserError, match=message):
        Settings(data_dir="x").moved(digits)
    with pytest.raises(UserError, match="^--manual_dir=x: expected a run of"):
        workdir.moved(dataclasses.replace(digits, dataset="folder"), manual_dir="x")
    mnist = dataclasses.replace(digits, digits="mnist")
    assert Settings(data_dir="x").moved(mnist).data_dir == "x"


def test_an_export_says_so_too(tmp_path):
    Config().save(str(tmp_path))
    with pytest.raises(UserError, match="^--data_dir=x: expected a run of"):
        tflite.export(
            str(tmp_path), str(tmp_path / "out"), tflite.Settings(data_dir="x")
        )
    assert not (tmp_path / "out").exists()

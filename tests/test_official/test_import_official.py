"""The authors' checkpoints translate as in the authors' graph, or are refused."""

import dataclasses

import numpy as np
import pytest
from support import golden as golden_lib
from support.trainers import train_eagerly

import egsc_tf
from egsc_tf import config as config_lib
from egsc_tf.errors import UserError
from egsc_tf.export.serving import model_card
from egsc_tf.official import checkpoint as import_official
from egsc_tf.runtime.keras import keras

NAMES = sorted(golden_lib.FILES)
CONV = "UNIT/encoder_A/conv_0/conv2d/kernel"


def assert_golden_translations(model, golden):
    x_a, x_b = golden["x_a"], golden["x_b"]
    for direction, content, exemplar, key in (
        ("a2b", x_a, x_b, "stage1/x_ab"),
        ("b2a", x_b, x_a, "stage1/x_ba"),
    ):
        found = model.translate(content, exemplar, direction).numpy()
        assert np.abs(found - golden[key]).max() < 1e-4 * np.abs(golden[key]).max()


@pytest.mark.parametrize("name", NAMES)
def test_loads_and_gives_the_golden_translations(name, tmp_path):
    golden = golden_lib.load(name)
    path = golden_lib.write_checkpoint(tmp_path, "stage1", golden)
    assert_golden_translations(import_official.load(path, path), golden)


@pytest.mark.parametrize("name", NAMES)
def test_shared_checkpoints_give_the_golden_translations(name, shared):
    folder = shared("golden", f"checkpoint_{name}", "stage1")
    model = import_official.load(folder, folder)
    assert_golden_translations(model, golden_lib.load(name))


def test_workdir_holds_the_run_and_the_sizes(tmp_path):
    golden = golden_lib.load("multi_32x48")
    path = golden_lib.write_checkpoint(tmp_path, "stage1", golden)
    output = str(tmp_path / "run")
    import_official.write_workdir(path, path, output, config_lib.Config())
    config = config_lib.load(output)
    assert (config.n_encoder, config.ngf, config.ndf, config.n_dis) == (3, 4, 4, 4)
    assert config.adain_form == config.discriminator_form == "release"
    assert_golden_translations(egsc_tf.load(output), golden)
    text = model_card.training(output, config, 7)
    assert text == "imported from the authors' checkpoints, then 7 steps of translation"
    with pytest.raises(UserError, match="found a run"):
        import_official.write_workdir(path, path, output, config)


@pytest.mark.parametrize(
    "policy", ["float32", pytest.param("mixed_float16", marks=pytest.mark.slow)]
)
def test_an_imported_run_trains_on(policy, tmp_path):
    golden = golden_lib.load("single_28x28")
    path = golden_lib.write_checkpoint(tmp_path, "stage1", golden)
    preset = dataclasses.replace(
        config_lib.Config(),
        style_code="encoder",  # not the release's form: put right
        mixed_precision=policy,
        perceptual_network="embedded",
        batch_size=2,
        g_update=1,
        total_steps=1,
        height=28,
        width=28,
    )
    output = str(tmp_path / "run")
    import_official.write_workdir(path, path, output, preset)
    trainer = train_eagerly(config_lib.load(output), output)
    assert trainer.steps_done() == 1
    # What comes after, as the report, computes as it does in a program of its own.
    assert keras.mixed_precision.global_policy().name == "float32"
    before = golden[f"stage1/weights/{CONV}"]
    after = trainer.generator.encoder_a.convs[0].conv.kernel.numpy()
    moved = np.abs(after - before).max()
    assert moved < 1e-3
    # With loss scaling the first, too large scale leaves the update out.
    assert (moved > 0.0) == (policy == "float32")


def test_takes_f_from_the_feature_masks_and_says_that_they_differ(tmp_path, caplog):
    golden = golden_lib.load("single_28x28")
    masks = golden_lib.write_checkpoint(tmp_path / "masks", "stage0", golden)
    rest = golden_lib.write_checkpoint(tmp_path / "rest", "stage1", golden)
    with caplog.at_level("WARNING", logger="absl"):
        model = import_official.load(masks, rest)
    kernel = golden["stage0/weights/VAEGAN_recon_A/part1/conv_0/conv2d/kernel"]
    np.testing.assert_array_equal(model.feature_a.convs[0].conv.kernel, kernel)
    assert "another F_a and F_b" in caplog.text


def test_discriminators_may_be_left_out_and_slots_are_ignored(tmp_path, caplog):
    golden = golden_lib.load("single_28x28")

    def change(values):
        kept = {n: v for n, v in values.items() if "discriminator" not in n}
        extra = {f"{CONV}/Adam": kept[CONV], "beta1_power": np.float32(0.5)}
        return {**kept, **extra}

    path = golden_lib.write_checkpoint(tmp_path, "stage1", golden, change)
    with caplog.at_level("WARNING", logger="absl"):
        assert_golden_translations(import_official.load(path, path), golden)
    assert "holds no discriminators" in caplog.text


def without(name):
    return lambda values: {n: v for n, v in values.items() if n != name}


def renamed(name):
    return lambda values: {n + "X" * (n == name): v for n, v in values.items()}


def reshaped(name):
    return lambda values: {
        n: v[..., :-1] if n == name else v for n, v in values.items()
    }


CHANGES = [(without, "missing"), (renamed, "unknown"), (reshaped, "instead")]
VARIABLES = [
    CONV,
    "UNIT/encoder_B/conv_2/conv2d/bias",
    "UNIT/generator_A/deconv_tanh/conv2d_transpose/kernel",
    "UNIT/discriminator_B/conv_0/weights",
    "UNIT/share_encoder/resblock_0/res1/conv2d/bias",
    "VAEGAN_recon_A/part1/conv_0/conv2d/kernel",
]


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        pytest.param(name, *change, marks=[] if i % 3 == j else [pytest.mark.slow])
        for i, name in enumerate(VARIABLES)
        for j, change in enumerate(CHANGES)
    ],
)
def test_one_bad_variable_is_refused_by_name(name, change, found, tmp_path):
    golden = golden_lib.load("multi_32x48")
    path = golden_lib.write_checkpoint(tmp_path, "stage1", golden, change(name))
    with pytest.raises(UserError, match=f"{name}X? is {found}|{name} is .*{found}"):
        import_official.load(path, path)


@pytest.mark.parametrize("make", ["missing", "text"])
def test_no_checkpoint_is_refused_by_path(make, tmp_path):
    path = str(tmp_path / "UNIT.model-7")
    if make == "text":
        (tmp_path / "UNIT.model-7.index").write_text("no checkpoint")
    with pytest.raises(UserError, match="UNIT.model-7"):
        import_official.load(path, path)

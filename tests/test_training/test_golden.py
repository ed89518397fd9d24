"""Our networks, losses and updates give the released implementation's numbers."""

import numpy as np
import pytest
import tensorflow as tf
from support import golden as golden_lib

from egsc_tf import losses
from egsc_tf.models.adain import feature_mask, style_code
from egsc_tf.models.encoder import Encoder
from egsc_tf.training.draws import NONE
from egsc_tf.training.feature_masks import FeatureMaskTrainer
from egsc_tf.training.translation import TranslationTrainer

RELATIVE = 1e-4
WEIGHTS = 1e-5
NO_GRADIENT = 1e-6
ADAM_EPSILON, ADAM_RATE = 1e-8, 1e-4


def assert_close(actual, golden, key):
    """Within 1e-4 of the golden array, relative to its largest magnitude."""
    expected = golden[key]
    actual = np.asarray(actual)
    assert actual.shape == expected.shape, key
    error = np.abs(actual - expected).max() / np.abs(expected).max()
    assert error < RELATIVE, f"{key}: relative error {error:.2e}"


def batch_of(golden):
    return {name: tf.constant(golden[name]) for name in ("x_a", "x_b")}


def prepared(trainer, golden):
    trainer.prepare({name: x[:, None] for name, x in batch_of(golden).items()})
    return trainer


@pytest.fixture(scope="module", params=sorted(golden_lib.FILES))
def stage0(request):
    golden = golden_lib.load(request.param)
    trainer = prepared(FeatureMaskTrainer(golden_lib.config(request.param)), golden)
    return golden, trainer, golden_lib.stage0_variables(trainer)


@pytest.fixture(scope="module", params=sorted(golden_lib.FILES))
def stage1(request):
    golden = golden_lib.load(request.param)
    config = golden_lib.config(request.param)
    feature_a, feature_b = Encoder(**config.network), Encoder(**config.network)
    phi = golden_lib.perceptual_network(golden)
    trainer = prepared(TranslationTrainer(config, feature_a, feature_b, phi), golden)
    return golden, trainer, golden_lib.stage1_variables(trainer)


def assert_covers_every_weight(stage, golden, trainer, variables):
    """Each golden weight has a variable, and each trained variable a golden weight."""
    prefix = f"{stage}/weights/"
    expected = {k[len(prefix) :] for k in golden if k.startswith(prefix)}
    assert set(variables) == expected
    ours = {id(v) for v in variables.values()}
    assert all(id(v) in ours for v in trainer.g_variables + trainer.d_variables)


def test_stage0_covers_every_golden_weight(stage0):
    assert_covers_every_weight("stage0", *stage0)


def test_stage1_covers_every_golden_weight(stage1):
    assert_covers_every_weight("stage1", *stage1)


def test_stage0_forward(stage0):
    golden, trainer, variables = stage0
    golden_lib.assign(variables, golden, "stage0/weights/")
    batch = batch_of(golden)
    x_aa, x_bb, _, _ = trainer.reconstruct(batch, NONE)
    assert_close(x_aa, golden, "stage0/x_aa")
    assert_close(x_bb, golden, "stage0/x_bb")
    d_a, d_b = trainer.discriminator_a, trainer.discriminator_b
    assert_close(d_a(batch["x_a"]), golden, "stage0/logits/real_a")
    assert_close(d_b(batch["x_b"]), golden, "stage0/logits/real_b")
    assert_close(d_a(x_aa), golden, "stage0/logits/fake_a")
    assert_close(d_b(x_bb), golden, "stage0/logits/fake_b")


def test_stage0_losses(stage0):
    golden, trainer, variables = stage0
    golden_lib.assign(variables, golden, "stage0/weights/")
    fakes = trainer.fakes(batch_of(golden), NONE)
    d_total, d_logs = trainer.discriminator_losses(batch_of(golden), fakes, NONE)
    g_total, g_logs, _ = trainer.generator_losses(batch_of(golden), NONE)
    assert_close(d_total, golden, "stage0/loss/D")
    assert_close(10.0 * d_logs["D/a"], golden, "stage0/loss/D_a")
    assert_close(10.0 * d_logs["D/b"], golden, "stage0/loss/D_b")
    assert_close(g_total, golden, "stage0/loss/G")
    for d in "ab":
        assert_close(g_logs[f"G/adv_{d}"], golden, f"stage0/summary/G_ad_loss_{d}")
        assert_close(g_logs[f"G/recon_{d}"], golden, f"stage0/summary/l1_loss_{d}")
        assert_close(g_logs[f"G/kl_{d}"], golden, f"stage0/summary/KL_enc_loss_{d}")


def test_stage1_features_masks_and_styles(stage1):
    golden, trainer, variables = stage1
    golden_lib.assign(variables, golden, "stage1/weights/")
    for d, feature in (("a", trainer.feature_a), ("b", trainer.feature_b)):
        x = tf.constant(golden[f"x_{d}"])
        for layer in feature.convs:
            x = layer(x)
        for i, block in enumerate(feature.blocks):
            x = block(x)
            assert_close(x, golden, f"stage1/feature_{d}/{i}")
            gamma, beta = tf.split(style_code(x, "release"), 2, axis=-1)
            assert_close(gamma - 1.0, golden, f"stage1/gamma_minus_1_{d}/{i}")
            assert_close(beta, golden, f"stage1/beta_{d}/{i}")
            assert_close(2.0 * feature_mask(x) - 1.0, golden, f"stage1/mask_{d}/{i}")


def test_stage1_forward(stage1):
    golden, trainer, variables = stage1
    golden_lib.assign(variables, golden, "stage1/weights/")
    batch, g = batch_of(golden), trainer.generator
    m_a, m_b, s_a, s_b = trainer.conditions(batch)
    c_a, c_b, z_ab = trainer.encode_both(batch, NONE)
    assert_close(z_ab, golden, "stage1/z_ab_batch")
    x_ab, x_ba = g.decode(c_a, m_a, s_b, "b"), g.decode(c_b, m_b, s_a, "a")
    assert_close(g.decode(c_a, m_a, s_a, "a"), golden, "stage1/x_aa")
    assert_close(g.decode(c_b, m_b, s_b, "b"), golden, "stage1/x_bb")
    assert_close(x_ab, golden, "stage1/x_ab")
    assert_close(x_ba, golden, "stage1/x_ba")
    for x, d, m, s, key in ((x_ab, "b", m_a, s_a, "aba"), (x_ba, "a", m_b, s_b, "bab")):
        z, _ = g.latent(g.encode(x, d))
        assert_close(z, golden, f"stage1/z_{key}")
        back = g.decode(g.shared_generator(z), m, s, key[0])
        assert_close(back, golden, f"stage1/x_{key}")
    d_a, d_b = trainer.discriminator_a, trainer.discriminator_b
    assert_close(d_a(batch["x_a"]), golden, "stage1/logits/real_a")
    assert_close(d_b(batch["x_b"]), golden, "stage1/logits/real_b")
    assert_close(d_a(x_ba), golden, "stage1/logits/fake_a")
    assert_close(d_b(x_ab), golden, "stage1/logits/fake_b")


def test_stage1_ablations(stage1):
    golden, trainer, variables = stage1
    golden_lib.assign(variables, golden, "stage1/weights/")
    batch, g = batch_of(golden), trainer.generator
    m_a, _, _, s_b = trainer.conditions(batch)
    c_a, c_b, _ = trainer.encode_both(batch, NONE)
    assert_close(g.decode(c_a, None, None, "b"), golden, "stage1/fake_B")
    assert_close(g.decode(c_b, None, None, "a"), golden, "stage1/fake_A")
    assert_close(g.decode(c_a, m_a, None, "b"), golden, "stage1/fake_B_feaMasked")
    assert_close(g.decode(c_a, None, s_b, "b"), golden, "stage1/fake_B_insNormed")


def test_stage1_losses(stage1):
    golden, trainer, variables = stage1
    golden_lib.assign(variables, golden, "stage1/weights/")
    fakes = trainer.fakes(batch_of(golden), NONE)
    d_total, d_logs = trainer.discriminator_losses(batch_of(golden), fakes, NONE)
    g_total, g_logs, _ = trainer.generator_losses(batch_of(golden), NONE)
    assert_close(d_total, golden, "stage1/loss/D")
    assert_close(10.0 * d_logs["D/a"], golden, "stage1/loss/D_a")
    assert_close(10.0 * d_logs["D/b"], golden, "stage1/loss/D_b")
    assert_close(g_total, golden, "stage1/loss/G")
    summary = {
        "G/adv_a": "G_ad_loss_a",
        "G/adv_b": "G_ad_loss_b",
        "G/recon_a": "l1_loss_a",
        "G/recon_b": "l1_loss_b",
        "G/cycle_a": "l1_loss_aba",
        "G/cycle_b": "l1_loss_bab",
        "G/kl": "KL_enc_loss",
        "G/cycle_kl_a": "KL_enc_aba_loss",
        "G/cycle_kl_b": "KL_enc_bab_loss",
        "G/style": "style_loss",
        "G/content": "content_loss",
    }
    assert set(summary) == set(g_logs)
    for ours, theirs in summary.items():
        assert_close(g_logs[ours], golden, f"stage1/summary/{theirs}")


def assert_update(stage, golden, trainer, variables):
    """One D and one G update from the golden weights give the golden weights after."""
    before, after = f"{stage}/weights/", f"{stage}/after/"
    golden_lib.assign(variables, golden, before)
    for optimizer in (trainer.d_optimizer, trainer.g_optimizer):
        for variable in optimizer.variables:
            if variable.dtype.is_floating:
                variable.assign(tf.zeros_like(variable))
        optimizer.iterations.assign(0)
    trainer.train_discriminators(batch_of(golden))
    trainer.train_generator(batch_of(golden))
    moved = 0
    for name, variable in variables.items():
        expected, old = golden[after + name], golden[before + name]
        actual = golden_lib.released(name, variable)
        # Adam's first update is rate * g / (|g| + epsilon): below |g| = 1e-6 the last
        # digits of the gradient decide its size, so there only the sign is compared.
        move = expected - old
        ratio = np.clip(np.abs(move) / ADAM_RATE, 0.0, 1.0 - 1e-7)
        gradient = ADAM_EPSILON * ratio / (1.0 - ratio)
        sure = gradient >= NO_GRADIENT
        np.testing.assert_allclose(actual[sure], expected[sure], 0, WEIGHTS, name)
        doubtful = ~sure & (np.abs(move) > 0.1 * ADAM_RATE)
        signs = np.sign(actual - old)[doubtful] == np.sign(move)[doubtful]
        assert signs.all(), name
        moved += int(sure.sum())
    assert moved > 100


def test_stage0_weights_after_one_d_and_one_g_update(stage0):
    assert_update("stage0", *stage0)


def test_stage1_weights_after_one_d_and_one_g_update(stage1):
    assert_update("stage1", *stage1)


def test_perceptual_losses_do_not_look_at_each_other(stage1):
    """Style compares with the exemplar only, content with the source only."""
    golden, trainer, _ = stage1
    phi = trainer.phi
    x_a, x_b = tf.constant(golden["x_a"]), tf.constant(golden["x_b"])
    found = trainer.perceptual_losses(x_a, x_b, x_ab=x_a, x_ba=x_b)
    assert float(found["G/content"]) == pytest.approx(0.0, abs=1e-6)
    style = losses.gram_style_loss(phi(x_a), phi(x_b))
    assert float(found["G/style"]) == pytest.approx(2.0 * float(style), rel=1e-4)

"""Feature masks, style codes and AdaIN: how an exemplar's style gets in.

Stateless functions (paper, section 3.1). f is the output of F_d, [B, h, w, C]; a
style code s = (gamma, beta) is [B, 2C]. The statistics are computed in float32
whatever the precision of the features.

Two forms:
  "standard" (Huang & Belongie 2017): gamma = std(f), beta = mean(f), and AdaIN divides
    by the standard deviation.
  "release" (the authors' code): gamma = mean(f), beta = var(f), and AdaIN divides by
    the *variance*, with no epsilon.
"""

import tensorflow as tf

FORMS = ("standard", "release")
EPSILON = 1e-5


def check_form(form):
    """Raises ValueError where `form` is neither of FORMS."""
    if form not in FORMS:
        raise ValueError(f"adain form: expected one of {FORMS}, found {form!r}")


def feature_mask(f):
    """m = (1 + sigmoid(f)) / 2: [B, h, w, C] -> [B, h, w, C] in (0.5, 1)."""
    return (1.0 + tf.sigmoid(f)) / 2.0


def moments(x):
    """(mean, variance) over space of [B, h, w, C], each [B, C] float32."""
    return tf.nn.moments(tf.cast(x, tf.float32), axes=[1, 2])


def style_code(f, form="standard"):
    """s = (gamma, beta) of features [B, h, w, C] -> [B, 2C], float32."""
    return code_of(*moments(f), form)


def code_of(mean, variance, form="standard"):
    """s [B, 2C] of the mean and variance [B, C] of features."""
    check_form(form)
    if form == "release":
        return tf.concat([mean, variance], axis=-1)
    return tf.concat([tf.sqrt(variance + EPSILON), mean], axis=-1)


def between(own, style, strength):
    """The code that lies `strength` [B], of 0 to 1, on the way from own to style, both
    [B or 1, 2C]."""
    return own + strength[:, None] * (style - own)


def adain(x, style, form="standard", given=None):
    """Gives x the channel statistics of a style.

    standard: gamma * (x - mean(x)) / sqrt(var(x) + epsilon) + beta
    release:  gamma * (x - mean(x)) / var(x) + beta

    Args:
      x: [B, h, w, C] features of the content.
      style: [B, 2C], from `style_code` with the same form.
      form: one of FORMS.
      given: None for the mean and variance of x itself, or those of what x is a part
        of, each [B or 1, C].

    Returns:
      [B, h, w, C], in the dtype of x.
    """
    check_form(form)
    gamma, beta = tf.split(style[:, None, None, :], 2, axis=-1)
    x32 = tf.cast(x, tf.float32)
    if given is None:
        mean, variance = tf.nn.moments(x32, axes=[1, 2], keepdims=True)
    else:
        mean, variance = (moment[:, None, None, :] for moment in given)
    if form == "release":
        scale = gamma / variance
    else:
        scale = gamma * tf.math.rsqrt(variance + EPSILON)
    # Not gamma * ((x - mean) * rsqrt): TensorFlow 2.15 takes that for an instance norm
    # with constant gamma, and its graph optimizer crashes the process where it is not.
    return tf.cast((x32 - mean) * scale + beta, x.dtype)


def transfer(c, m, s, form="standard", given=None):
    """T(c, m, s) = AdaIN(m * c; gamma, beta) (paper, equation 1).

    Args:
      c: [B, h, w, C] shared content.
      m: [B, h, w, C] mask of the source, or None: no mask.
      s: [B, 2C] style of the exemplar, or None: no AdaIN.
      form: one of FORMS.
      given: the mean and variance of m * c to take instead of its own, see `adain`.
    """
    x = c if m is None else m * c
    return x if s is None else adain(x, s, form, given)

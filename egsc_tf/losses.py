"""The losses of the paper (section 3.2), pure and unweighted: tensors -> a scalar.

Images are [B, H, W, 3] in [-1, 1]; logits any shape; features [B, h, w, C]. Every
scalar is a mean over the batch, computed in float32.
"""

import tensorflow as tf

EPSILON = 1e-12


def adversarial_loss(fake_logits):
    """Least squares, the generator's side: mean((D(fake) - 1)^2)."""
    return tf.reduce_mean(tf.square(fake_logits - 1.0))


def discriminator_loss(real_logits, fake_logits):
    """Least squares: 0.5 * (mean((D(real) - 1)^2) + mean(D(fake)^2))."""
    return 0.5 * (
        tf.reduce_mean(tf.square(real_logits - 1.0))
        + tf.reduce_mean(tf.square(fake_logits))
    )


def l1_loss(x, y):
    """mean(|x - y|): reconstruction and cycle consistency."""
    return tf.reduce_mean(tf.abs(x - y))


def kl_loss(mu):
    """KL(N(mu, 1) || N(0, 1)) up to the factor 1/2 of the release: mean(mu^2)."""
    return tf.reduce_mean(tf.square(tf.cast(mu, tf.float32)))


def normalise_over_space(feature):
    """Each channel of [B, h, w, C] scaled to L2 norm 1 over its h * w positions."""
    return tf.math.l2_normalize(feature, axis=[1, 2], epsilon=EPSILON)


def content_loss(features, target_features):
    """sum_i (i / 5) * mean(|phi_i - phi'_i|), phi_i normalised over space.

    Args:
      features, target_features: lists of [B, h_i, w_i, C_i], shallow to deep.
    """
    return tf.add_n(
        [
            (i / 5.0) * l1_loss(normalise_over_space(x), normalise_over_space(y))
            for i, (x, y) in enumerate(zip(features, target_features), start=1)
        ]
    )


def gram_matrix(feature):
    """[B, h, w, C] -> [B, C, C]: inner products of the channels over h * w."""
    shape = tf.shape(feature)
    flat = tf.reshape(feature, [shape[0], shape[1] * shape[2], shape[3]])
    return tf.matmul(flat, flat, transpose_a=True) / tf.cast(
        shape[1] * shape[2], feature.dtype
    )


def gram_style_loss(features, target_features):
    """sum_i mean(|Gram(phi_i) - Gram(phi'_i)|), phi_i normalised over space."""
    return tf.add_n(
        [
            l1_loss(
                gram_matrix(normalise_over_space(x)),
                gram_matrix(normalise_over_space(y)),
            )
            for x, y in zip(features, target_features)
        ]
    )


def statistics_style_loss(features, target_features):
    """Channel means and standard deviations, after Huang & Belongie (2017).

    sum_i mean_b((|mean_i - mean'_i|_1 + |std_i - std'_i|_1)
                 / (|mean'_i|_1 + |std'_i|_1)):
    each layer of each image b counts relative to its own magnitude, so that no layer
    drowns another.
    """
    distances = statistics_distances(
        style_statistics(features), style_statistics(target_features)
    )
    return tf.add_n([tf.reduce_mean(distance) for distance in distances])


def style_statistics(features):
    """[([B, C_i], [B, C_i])]: channel means and standard deviations over space."""
    found = []
    for feature in features:
        mean, variance = tf.nn.moments(feature, axes=[1, 2])
        found.append((mean, tf.sqrt(variance + EPSILON)))
    return found


def statistics_distances(statistics, target_statistics):
    """The terms of `statistics_style_loss` before any mean over images: [[B], ...].

    Args:
      statistics, target_statistics: of `style_statistics`.
    """
    terms = []
    for (mean_x, std_x), (mean_y, std_y) in zip(statistics, target_statistics):
        distance = tf.reduce_mean(tf.abs(mean_x - mean_y) + tf.abs(std_x - std_y), -1)
        magnitude = tf.stop_gradient(tf.reduce_mean(tf.abs(mean_y) + std_y, -1))
        terms.append(distance / (magnitude + EPSILON))
    return terms


STYLE_LOSSES = {"gram": gram_style_loss, "statistics": statistics_style_loss}

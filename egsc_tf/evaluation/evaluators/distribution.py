"""FID and KID."""

from egsc_tf.domains import split
from egsc_tf.errors import UserError
from egsc_tf.metrics import (
    frechet,
)


def distribution(context, direction, names):
    """FID and KID of the translations to the target's test images, and, as the mark to
    beat, of the untranslated sources."""
    own, target = split(direction)
    counts = [context.count(own), context.count(target)]
    if min(counts) < 2:
        raise UserError(
            f"--metrics=fid,kid: expected at least 2 test images of each domain, found "
            f"{counts} (--max_images={context.settings.max_images})"
        )
    real = context.features(target, context.test_images(target))
    found = {}
    for label, rows in (
        ("", context.translations(direction)),
        ("_untranslated", context.test_images(own)),
    ):
        fake = context.features(target, rows)
        if "fid" in names:
            found[f"fid{label}"] = frechet.frechet_distance(real, fake)
        if "kid" in names:
            mean, deviation = frechet.kernel_distance(
                real, fake, seed=context.settings.seed
            )
            found[f"kid{label}"], found[f"kid_std{label}"] = mean, deviation
    context.notes["extractor_features"] = real.shape[1]
    return found

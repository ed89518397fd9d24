"""What a plan says: on the screen, and as a flagfile with its reasons."""

import dataclasses
import math

from egsc_tf.data import images
from egsc_tf.planning import plan
from egsc_tf.runtime.counted import counted

FEW = 100  # images of a domain, below which it is told
CHOSEN = {  # flags of the file, under the reason for them
    "images": ("dataset", "data_dir", "recursive", "on_bad_image"),
    "size": ("height", "width", "n_encoder"),
    "twins": ("twin_start",),
    "augmentation": ("diff_augment",),
    "machine": ("ngf", "ndf", "batch_size", "mixed_precision"),
    "losses": ("perceptual_network",),
    "time": (
        "mask_steps",
        "total_steps",
        "log_every",
        "sample_every",
        "checkpoint_every",
    ),
}


def of_images(look):
    """Yields lines about the two folders."""
    for domain in look.domains.values():
        yield (
            f"{images.printable(domain.folder)}: {counted(domain.count, 'image')}, "
            f"the middle one {domain.width}x{domain.height} pixels"
            + (", without colours" if domain.grey else "")
        )
        if domain.bad:
            yield (
                f"  {len(domain.bad)} of {len(domain.bad) + len(domain.sample)} looked "
                "at cannot be used; --on_bad_image=skip leaves such out. The first: "
                f"{domain.bad[0]}"
            )
        if domain.count < FEW:
            yield (
                f"  fewer than {FEW}: the networks will learn these by heart, and do "
                "badly on other images"
            )
    shapes = [domain.width / domain.height for domain in look.domains.values()]
    if max(shapes) > 1.5 * min(shapes):
        yield "  the two have different shapes, and will be stretched to one"
    yield _twins(look)


def of_plan(found):
    """Yields lines about a Plan."""
    config = found.config
    yield (
        f"{config.width}x{config.height} pixels, --ngf={config.ngf}, "
        f"--batch_size={config.batch_size}, {config.mixed_precision}"
    )
    yield _time(found)
    if found.steps < found.wanted:
        config, (masks, translation) = found.config, found.timing.steps
        steps = config.mask_steps * masks + config.total_steps * translation
        more = steps * (found.wanted / found.steps - 1.0)
        hours = math.ceil((found.seconds + more) / 360) / 10
        yield (
            f"{found.wanted:,} steps are what such a size should have: "
            f"--hours={hours:.1f}"
        )


def text(found, look, flags):
    """The flagfile of a Plan.

    flags: of egsc_tf.new.
    """
    bad = any(domain.bad for domain in look.domains.values())
    config = dataclasses.replace(
        found.config,
        data_dir=flags.data_dir,
        recursive=flags.recursive,
        on_bad_image="skip" if bad else "stop",
    ).anchored()
    reasons = {
        "images": list(of_images(look))[:-1],
        "size": [
            "As large as the images and the time allow; "
            f"{found.wanted:,} steps are what this size should have."
        ],
        "twins": [_twins(look)],
        "augmentation": [
            "The discriminators see augmented images where a domain has fewer than "
            f"{plan.SMALL:,}: the smaller one has {plan.fewest_images(look):,}."
        ],
        "machine": ["What this machine has room for."],
        "losses": ["VGG-19's weights: from Keras, or a file."],
        "time": [_time(found)],
    }
    lines = [
        f"# By egsc_tf.new, for --hours={flags.hours:g}.",
        f"#   python -m egsc_tf.train --flagfile={flags.output} --workdir=RUN",
        f"# The numerics are those of {plan.BASE}:",
        f"--flagfile={plan.BASE}",
    ]
    for reason, names in CHOSEN.items():
        lines += ["", *(f"# {line.strip()}" for line in reasons[reason])]
        lines += [f"--{name}={getattr(config, name)}" for name in names]
    return "\n".join(lines) + "\n"


def _twins(look):
    alike = look.difference <= plan.ALIKE
    return (
        f"the two look {'alike' if alike else 'different'}: their mean images are "
        f"{look.difference:.2f} standard deviations apart, and up to {plan.ALIKE:g} "
        "the domains start as twins"
    )


def _time(found):
    config, (masks, translation) = found.config, found.timing.steps
    return (
        f"about {_duration(found.seconds)}: {_duration(found.timing.start)} to start, "
        f"{counted(config.mask_steps, 'step')} of stage 1 ({masks:.2g} s each), "
        f"{config.total_steps:,} of stage 2 ({translation:.2g} s each)"
    )


def _duration(seconds):
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return counted(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"

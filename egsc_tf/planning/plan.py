"""Which settings fit two folders, a machine and a time.

The numerics are those of experiments/celeba_64.flags. Chosen are the size, the widths,
batch, precision, twins, augmentation and how many steps: the largest size of `sizes`
for which the time is enough for `steps_wanted`.
"""

import dataclasses

import tensorflow as tf
from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.config import Config
from egsc_tf.errors import OutOfMemory, UserError
from egsc_tf.planning.folders import Look
from egsc_tf.planning.probe import Timing
from egsc_tf.runtime import machine

BASE = "egsc_tf:celeba_64"
SHORT_SIDES = (64, 96, 128, 192, 256)
MULTIPLE = 8  # of which sides are
DEEPER = 96  # pixels from which encoders have the paper's three convolutions
LONGEST = 2.0  # the sides' largest ratio
ALIKE = 0.5  # of Look.difference, up to which the domains start as twins
# Images of a domain, below which --diff_augment helped (docs/results/streets.md).
SMALL = 2_000
# Those of celeba_64 at 64 pixels; a larger image is given more in proportion.
STEPS_AT_64, MOST_STEPS = 3_000, 120_000
OF_STAGE_1 = 6  # one step in so many
FEWEST_STEPS = 60
SAMPLES = 10  # times that a stage shows its samples
WORTH = 1.2  # times faster, from which 16 bits are taken


@dataclasses.dataclass(frozen=True)
class Plan:
    """A run that fits.

    Attributes:
      config: egsc_tf.config.Config.
      timing: of it on this machine.
      seconds: how long it will take.
      wanted: how many steps it should have.
    """

    config: Config
    timing: Timing
    seconds: float
    wanted: int

    @property
    def steps(self):
        """Of both stages."""
        return self.config.mask_steps + self.config.total_steps


def make(look: Look, seconds, perceptual_network, measure):
    """The Plan of a run that takes `seconds`.

    Args:
      look: of the two folders.
      seconds: that the run may take.
      perceptual_network: as of the Config.
      measure: (Config, Look) -> Timing, see `egsc_tf.planning.probe`.

    Raises:
      UserError: where training refuses what is chosen. A time that is too short is
        told, and the Plan is of the fewest steps.
    """
    candidates = sizes(look)
    config = _config(look, candidates[0], perceptual_network)
    config, timing = _measured(config, look, measure)
    half = machine.fast_16_bits()
    if half:
        other = dataclasses.replace(config, mixed_precision=half)
        faster = _if_it_runs(other, look, measure)
        if faster and timing.steps[1] > WORTH * faster.steps[1]:
            config, timing = other, faster
    plan = _fitted(config, timing, look, seconds)
    for size in reversed(candidates[1:]):
        larger = _config(look, size, perceptual_network)
        larger = dataclasses.replace(
            larger,
            batch_size=config.batch_size,
            mixed_precision=config.mixed_precision,
        )
        # At most in proportion to the pixels: small images use a machine badly.
        more = larger.height * larger.width / (config.height * config.width)
        guess = dataclasses.replace(timing, steps=tuple(more * s for s in timing.steps))
        if guess.start + steps_wanted(size) * guess.steps[1] > 1.25 * seconds:
            continue
        measured = _if_it_runs(larger, look, measure)
        if measured and _steps_in(seconds, measured, look) >= steps_wanted(size):
            return _fitted(larger, measured, look, seconds)
    return plan


def _if_it_runs(config, look, measure):
    """The Timing, or None where this machine does not run the Config."""
    try:
        return measure(config, look)
    except UserError as error:
        logging.warning(
            "%dx%d, %s is left out: %s",
            config.height,
            config.width,
            config.mixed_precision,
            error,
        )
        return None


def sizes(look):
    """[(height, width)], the smallest first; none enlarges the images' shorter side."""
    domains = look.domains.values()
    height = min(domain.height for domain in domains)
    width = min(domain.width for domain in domains)
    aspect = 1.0
    for domain in domains:
        aspect *= (domain.width / domain.height) ** (1 / len(domains))
    aspect = min(max(aspect, 1 / LONGEST), LONGEST)
    most = max(min(height, width), 4 * MULTIPLE)
    short_sides = [s for s in SHORT_SIDES if s <= most] or [most // MULTIPLE * MULTIPLE]
    return [
        tuple(
            max(short, round(short * times / MULTIPLE) * MULTIPLE)
            for times in (1 / aspect, aspect)
        )
        for short in short_sides
    ]


def steps_wanted(size):
    """How many steps of both stages a size should have."""
    return max(STEPS_AT_64, round(STEPS_AT_64 * min(size) / SHORT_SIDES[0]))


def fewest_images(look):
    """How many images the smaller domain has."""
    return min(domain.count for domain in look.domains.values())


def _config(look, size, perceptual_network):
    gpus = len(tf.config.list_physical_devices("GPU"))
    fewest = fewest_images(look)
    return dataclasses.replace(
        config_lib.read(BASE),
        height=size[0],
        width=size[1],
        n_encoder=3 if min(size) >= DEEPER else 2,
        twin_start=look.difference <= ALIKE,
        diff_augment=fewest < SMALL,
        perceptual_network=perceptual_network,
        **({"ngf": 64, "ndf": 64} if gpus else {}),
        batch_size=_batch_size(fewest, gpus),
    )


def _batch_size(fewest, gpus):
    """4 on CPUs, about 8 on GPUs, each of which has its part; no more than images."""
    if not gpus:
        return min(fewest, 4)
    return max(1, min(fewest, max(8, gpus)) // gpus) * gpus


def _measured(config, look, measure):
    """(Config, Timing): with half the batch, and again, where memory is too small."""
    while True:
        try:
            return config, measure(config, look)
        except OutOfMemory as error:
            if config.batch_size == 1:
                raise
            logging.warning("--batch_size=%d: %s", config.batch_size, error)
            config = dataclasses.replace(config, batch_size=config.batch_size // 2)


def _fitted(config, timing, look, seconds):
    """The Plan with as many steps as fit."""
    reading, step = _reading(look), _step(timing)
    steps = _steps_in(seconds, timing, look)
    if steps < FEWEST_STEPS:
        needed = (_once(timing, look) + FEWEST_STEPS * step) / 3600
        logging.warning(
            "--hours=%g is too short: the least is %.2f, %.0f s to read the images, "
            "%.0f s to start, and %d steps of %.2g s. The flagfile takes these",
            *(seconds / 3600, needed + 0.01, reading, timing.start),
            *(FEWEST_STEPS, step),
        )
        steps = FEWEST_STEPS
    steps = steps if steps < 1000 else steps // 100 * 100
    mask_steps = steps // OF_STAGE_1
    total_steps = steps - mask_steps
    every = -(-total_steps // SAMPLES)
    config = dataclasses.replace(
        config,
        mask_steps=mask_steps,
        total_steps=total_steps,
        sample_every=every,
        checkpoint_every=every,
        log_every=max(1, min(config.log_every, mask_steps // 20)),
    )
    size = (config.height, config.width)
    return Plan(config, timing, reading + timing.total(config), steps_wanted(size))


def _steps_in(seconds, timing, look):
    """How many steps of both stages fit into the time; 0 or less where none does."""
    return min(int((seconds - _once(timing, look)) / _step(timing)), MOST_STEPS)


def _once(timing, look):
    """Seconds that do not depend on the number of steps."""
    return _reading(look) + timing.start + SAMPLES * sum(timing.samples)


def _reading(look):
    return look.seconds_per_image * sum(d.count for d in look.domains.values())


def _step(timing):
    """Seconds of a step, as the two stages share them."""
    masks, translation = timing.steps
    return (masks + (OF_STAGE_1 - 1) * translation) / OF_STAGE_1

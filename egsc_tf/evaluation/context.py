"""What the metrics of a run share: its test images, translations, and the judges.

Everything is made at its first use and kept. Images are kept as uint8.
"""

import dataclasses
import os

import numpy as np
from tqdm import tqdm

from egsc_tf.data import images
from egsc_tf.data.source import open_source
from egsc_tf.data.stream import take
from egsc_tf.domains import split
from egsc_tf.evaluation import digit_cases
from egsc_tf.metrics import digit_classifier, embedding, extractors
from egsc_tf.models import vgg

BATCH = 64
PIXELS_AT_ONCE = 2**18


class EvaluationContext:
    """A translator, its test images, and the networks that judge it.

    Args:
      translator: egsc_tf.models.translator.Translator; config: of its run.
      settings: egsc_tf.evaluation.settings.Settings; output: folder of the pictures.
      most: {split: how many images of a domain are read at most}; of others: all.

    Attributes:
      notes: settings that were found out on the way, for the results.
    """

    def __init__(self, translator, config, settings, output, most=()):
        self.translator, self.config = translator, config
        self.settings, self.output, self.most = settings, output, dict(most)
        self.notes = {}
        self.curves = {}
        self.kept = {}

    def once(self, key, make):
        """make(), computed at the first call with this key."""
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def source(self, part):
        return self.once(
            ("source", part),
            lambda: open_source(self.config, part, self.most.get(part)),
        )

    def count(self, domain):
        """How many test images of a domain are used."""
        size = self.source("test").size(domain)
        return min(self.settings.max_images or size, size)

    def test_images(self, domain):
        """[N, H, W, 3] uint8: the test images of a domain, in order."""
        return self.first_images("test", domain, self.count(domain))

    def first_images(self, part, domain, count):
        """[count, H, W, 3] uint8: the first images of a domain of a split."""

        def make():
            source, seed = self.source(part), self.settings.seed
            found = take(source, domain, range(count), seed, f"reading {part}")
            source.tell()
            return found

        return self.once((part, domain, count), make)

    def names(self, part, domain, count):
        """The names of `first_images`: where one is bad, that of the good one in its
        place."""
        self.first_images(part, domain, count)
        return [self.source(part).name(domain, n) for n in range(count)]

    def exemplar_rows(self, direction, count):
        """[count]: which test images of the target domain are the exemplars."""
        random = np.random.RandomState(self.settings.seed)
        return random.randint(self.count(split(direction)[1]), size=count)

    def exemplars(self, direction, count):
        """[count, H, W, 3] uint8: random test images of the target domain."""
        pool = self.test_images(split(direction)[1])
        return pool[self.exemplar_rows(direction, count)]

    def translations(self, direction):
        """[N, H, W, 3] uint8: each test image of the source with a random exemplar."""

        def make():
            contents = self.test_images(split(direction)[0])
            exemplars = self.exemplars(direction, len(contents))

            return in_batches(
                lambda c, e: self.translate(c, e, direction),
                contents,
                exemplars,
                label=direction,
            )

        return self.once(("translations", direction), make)

    def translate(self, contents, exemplars, direction):
        """[B, H, W, 3] uint8: translations of images [B, H, W, 3] in [-1, 1]."""
        return images.to_uint8(
            self.translator.translate(contents, exemplars, direction)
        )

    def judge(self, domain):
        """The classifier of real training digits of a domain."""
        seed = self.settings.seed
        return self.once(
            ("judge", domain),
            lambda: digit_classifier.train(
                digit_cases.labelled(self.judged_on, domain, "train", seed),
                seed,
                digit_classifier.STEPS,
            ),
        )

    @property
    def judged_on(self):
        """The judge learns from all looks, also where the run was shown only some."""
        dataset = self.config.dataset.replace("/unseen_pairs", "/all_pairs")
        return dataclasses.replace(self.config, dataset=dataset, unseen_pairs=False)

    def phi(self):
        """The perceptual network."""
        name = self.settings.perceptual_network or self.config.perceptual_network
        self.notes["perceptual_network"] = name
        return self.once("phi", lambda: vgg.load(name))

    def note_spread(self, direction, values):
        """Keeps how scores spread over translations, for the results.

        values: {score: one number a translation}.
        """
        for name, x in values.items():
            x = np.asarray(x, np.float64)  # accuracies are of booleans
            low, high = np.percentile(x, (5, 95))
            self.notes.setdefault("spread", {})[f"{name}_{direction}"] = {
                "count": len(x),
                "std": float(np.std(x)),
                "p05": float(low),
                "p95": float(high),
            }

    def note_worst(self, direction, worst):
        """Draws the worst translations by a score, and keeps which they are."""
        found = worst.write(self.output, direction)
        self.notes.setdefault("worst", {}).setdefault(direction, []).append(found)

    def finish(self):
        """Writes the picture that needs both directions."""
        if self.curves:
            path = os.path.join(self.output, "content_style.png")
            embedding.plot_curve(path, self.curves)

    def features(self, domain, rows):
        """[N, D] of images, by the extractor of FID and KID of a target domain."""
        label, extract = self.extractor(domain)
        self.notes["extractor"] = label
        return in_batches(extract, rows)

    def extractor(self, domain):
        """The extractor of a target domain, as egsc_tf.metrics.extractors gives it."""
        name = extractor_of(self.settings, self.config)
        return self.once(
            ("extractor", domain if name == extractors.CLASSIFIER else None),
            lambda: extractors.load(name, self.phi, lambda: self.judge(domain)),
        )


def extractor_of(settings, config):
    """Which extractor FID and KID of a run have, by name."""
    single = digit_cases.are_single(config)
    return settings.extractor or (
        extractors.CLASSIFIER if single else extractors.PERCEPTUAL
    )


def in_batches(function, *arrays, label=""):
    """function on a few rows at a time, its results [N, ...] as one array.

    Images of uint8 are given to it as float in [-1, 1].
    """
    height, width = arrays[0].shape[1:3]
    rows = int(np.clip(PIXELS_AT_ONCE // (height * width), 1, BATCH))
    steps = range(0, len(arrays[0]), rows)
    results = []
    for i in tqdm(steps, desc=label, unit="batch", disable=not label):
        some = (x[i : i + rows] for x in arrays)
        some = [images.to_float(x) if x.dtype == np.uint8 else x for x in some]
        results.append(np.asarray(function(*some)))
    return np.concatenate(results)

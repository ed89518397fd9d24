"""What a trainer makes of fixed training images, to be looked at on the way."""

import dataclasses

import numpy as np

from egsc_tf.data.augmentation import finish
from egsc_tf.data.stream import stream
from egsc_tf.domains import DIRECTIONS, DOMAINS, split
from egsc_tf.models import value_range
from egsc_tf.models.translator import Translator
from egsc_tf.pictures.contact_sheet import contact_sheet
from egsc_tf.training.feature_masks import FeatureMaskTrainer

SAMPLES = 6


@dataclasses.dataclass(frozen=True)
class Sample:
    """What is to be seen at one step.

    picture: [H, W, 3] in [-1, 1].
    made: {domain: [SAMPLES, H, W, 3]}, images that the trainer made in the domain, each
      of a source, and in stage 2 with an exemplar, of its own.
    numbers: {name in the logs: value}, see `egsc_tf.training.curves`.
    """

    picture: np.ndarray
    made: dict
    numbers: dict


def sampler(trainer, source, config):
    """What the trainer makes of fixed training images, as an object.

    Its `take()` is the Sample of this step, made once a step; `caption` says what the
    picture shows.
    """
    few = dataclasses.replace(config, batch_size=SAMPLES, content_view="same")
    batch = finish(next(iter(stream(source, few))))
    x = {domain: batch[f"x_{domain}"][:, 0] for domain in DOMAINS}
    if isinstance(trainer, FeatureMaskTrainer):
        return Reconstructions(trainer, x)
    return Translations(trainer, x, Translator.of_trainer(trainer))


class _Sampler:
    def __init__(self, trainer, x):
        self.trainer, self.x = trainer, x
        self._step, self._sample = None, None

    def take(self):
        step = self.trainer.steps_done()
        if step != self._step:
            with value_range.ours():
                self._step, self._sample = step, self.make()
        return self._sample

    def d_accuracy(self, made):
        """The share of the logits of D by which it knows real from made, in [0, 1]."""
        right = []
        for domain, real in self.x.items():
            discriminator = getattr(self.trainer, f"discriminator_{domain}")
            right.append(np.mean(discriminator(real) > 0.5))
            right.append(np.mean(discriminator(made[domain]) <= 0.5))
        return float(np.mean(right))


class Reconstructions(_Sampler):
    """Stage 1."""

    caption = "From the top: images of a, what stage 1 makes of them; the same of b."

    def make(self):
        made = {}
        for domain, x in self.x.items():
            made[domain] = getattr(self.trainer, f"autoencoder_{domain}")(x).numpy()
        rows = [
            np.concatenate(list(row), axis=1)
            for domain in DOMAINS
            for row in (self.x[domain], made[domain])
        ]
        numbers = {
            "sample/recon": _l1(made, self.x),
            "sample/d_accuracy": self.d_accuracy(made),
        }
        return Sample(np.concatenate(rows), made, numbers)


class Translations(_Sampler):
    """Stage 2; translator: that of the trainer."""

    caption = "Left half: a to b. Right half: b to a. Sources down, exemplars across."

    def __init__(self, trainer, x, translator):
        super().__init__(trainer, x)
        self.translator = translator

    def make(self):
        t, x = self.translator, self.x
        parts = {domain: t.encode_content(x[domain], domain) for domain in DOMAINS}
        styles = {domain: t.encode_style(x[domain], domain) for domain in DOMAINS}
        halves, made, own, others = [], {}, [], []
        for direction in DIRECTIONS:
            source, target = split(direction)
            columns = [
                t.decode(*parts[source], styles[target][k : k + 1], target).numpy()
                for k in range(SAMPLES)
            ]
            halves.append(contact_sheet(x[source], x[target], columns))
            made[target] = np.stack([columns[k][k] for k in range(SAMPLES)])
            apart = _apart(t.encode_style(made[target], target), styles[target])
            is_own = np.eye(SAMPLES, dtype=bool)
            own.append(apart[is_own].mean())
            others.append(apart[~is_own].mean())
        again = {d: t.decode(*parts[d], styles[d], d).numpy() for d in DOMAINS}
        numbers = {
            "sample/recon": _l1(again, x),
            "sample/style_own": float(np.mean(own)),
            "sample/style_others": float(np.mean(others)),
            "sample/d_accuracy": self.d_accuracy(made),
        }
        return Sample(np.concatenate(halves, axis=1), made, numbers)


def _l1(made, x):
    """The mean difference of images of both domains."""
    return float(np.mean([np.abs(made[d] - np.asarray(x[d])).mean() for d in DOMAINS]))


def _apart(rows, columns):
    """[N, M]: the mean difference of each row of [N, C] from each of [M, C]."""
    return np.abs(np.asarray(rows)[:, None] - np.asarray(columns)[None]).mean(axis=-1)


def in_words(numbers):
    """What the numbers of a Sample say, and what to look for, as one line."""
    words = [f"reconstruction {numbers['sample/recon']:.3g} (L1, should fall)"]
    if "sample/style_own" in numbers:
        own, others = (numbers[f"sample/style_{x}"] for x in ("own", "others"))
        words.append(
            f"style {own:.3g} from the own exemplar, {others:.3g} from others (own "
            "should be the smaller)"
        )
    accuracy = numbers["sample/d_accuracy"]
    words.append(f"D right in {accuracy:.0%} (50 %: it cannot tell; 100 %: it has won)")
    return "; ".join(words)

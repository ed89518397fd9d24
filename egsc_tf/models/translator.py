"""The trained translator: what `egsc_tf.load` returns and what is exported.

Images are [B, H, W, 3], float in [-1, 1] or uint8 (see `egsc_tf.models.value_range`).
H and W are any of two strides or more (8 pixels for n_encoder up to 3): contents are
padded to the stride by reflection and cropped back, so the output has exactly the
content's size.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Optional, Union

import numpy as np
import tensorflow as tf

from egsc_tf.config import Config
from egsc_tf.domains import DIRECTIONS, DOMAINS, split
from egsc_tf.errors import UserError
from egsc_tf.models import adain, value_range
from egsc_tf.models.adain import feature_mask
from egsc_tf.models.encoder import Encoder
from egsc_tf.models.generator import Generator
from egsc_tf.runtime.keras import keras
from egsc_tf.runtime.keras_methods import without

MIN_SIDE = 8
# H x W, from which on E_d and F_d of a content run one after the other: that takes less
# memory. Exported graphs, which know no sizes, leave the order to TensorFlow.
PIXELS_IN_TURN = 256 * 256
Array = Union[np.ndarray, tf.Tensor]
Strength = Union[float, np.ndarray, tf.Tensor]
_IMAGES = tf.TensorSpec([None, None, None, 3], tf.float32)


def _check_domain(domain: str) -> None:
    if domain not in DOMAINS:
        raise UserError(f"domain: expected one of {DOMAINS}, found {domain!r}")


def _content_part(content: tf.Tensor) -> str:
    """The function that encodes contents [B, H, W, 3]; of unknown shapes, as of small
    ones."""
    pixels = content.shape[1:3].num_elements() or 0
    return "content_in_turn" if pixels >= PIXELS_IN_TURN else "content"


def _check_strength(strength: tf.Tensor) -> None:
    if not tf.reduce_all((strength >= 0.0) & (strength <= 1.0)):
        raise UserError(f"strength: expected 0 to 1, found {strength.numpy().tolist()}")


_TRANSLATE = "translate(content, exemplar, direction), some images at a time"
_WEIGHTS = (
    "save_weights(path), and Translator.from_config(config).load_weights(path) to read "
    "it; python -m egsc_tf.export.saved_model writes a SavedModel"
)
_TRAIN = "egsc_tf.train(config, workdir)"
_SCORE = "egsc_tf.evaluate(workdir)"


@without(
    {
        "predict": _TRANSLATE,
        "predict_on_batch": _TRANSLATE,
        "fit": _TRAIN,
        "train_on_batch": _TRAIN,
        "evaluate": _SCORE,
        "test_on_batch": _SCORE,
        "save": _WEIGHTS,
        "export": _WEIGHTS,
        "get_config": _WEIGHTS,
    }
)
class Translator(keras.Model):
    """Generator, F_a and F_b, ready to translate.

        model = egsc_tf.load("runs/demo")
        style = model.encode_style(exemplar, domain="b")
        images = model.translate_with_style(content, style, direction="a2b")

    Args:
      generator: a Generator (of a training run: its moving average).
      feature_a, feature_b: F_a and F_b.
      use_masks, use_adain: False for the ablations.
      test_noise: standard deviation of the noise of z; 0 makes translations
        deterministic.
    """

    def __init__(
        self,
        generator: Generator,
        feature_a: Encoder,
        feature_b: Encoder,
        use_masks: bool = True,
        use_adain: bool = True,
        test_noise: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.generator = generator
        self.feature_a = feature_a
        self.feature_b = feature_b
        self.use_masks = use_masks
        self.use_adain = use_adain
        self.test_noise = test_noise
        self._functions: dict[str, Callable[..., Any]] = {}

    @property
    def smallest_side(self) -> int:
        """The least height and width of an image, in pixels."""
        return max(MIN_SIDE, 2 * self.generator.encoder_a.stride)

    @classmethod
    def from_config(cls, config: Config) -> "Translator":
        """An untrained Translator of a Config. Raises UserError for anything else."""
        if not isinstance(config, Config):
            raise UserError(
                f"config: expected an egsc_tf.Config, found {type(config).__name__}"
            )
        return cls._with_options(
            config,
            Generator(**config.generator),
            Encoder(**config.network),
            Encoder(**config.network),
        )

    @classmethod
    def of_trainer(cls, trainer: Any) -> "Translator":
        """The Translator that shares the weights of a stage 2 trainer or a student."""
        return cls._with_options(
            trainer.config, trainer.generator_ema, trainer.feature_a, trainer.feature_b
        )

    @classmethod
    def _with_options(
        cls,
        config: Config,
        generator: Generator,
        feature_a: Encoder,
        feature_b: Encoder,
    ) -> "Translator":
        return cls(
            generator,
            feature_a,
            feature_b,
            use_masks=config.use_masks,
            use_adain=config.use_adain,
            test_noise=config.latent_noise if config.test_noise else 0.0,
        )

    def create_variables(self, directions: Sequence[str] = DIRECTIONS) -> None:
        """Creates the variables of directions, which reading weights needs."""
        example = tf.fill([1, self.smallest_side, self.smallest_side, 3], -1.0)
        for direction in directions:  # without graphs: which are needed, use tells
            source, target = split(direction)
            style = self._style(target, example)
            c, m = self._content(source, example)
            self._decode(target, c, m, style)

    def load_weights(self, filepath: str, **kwargs: Any) -> Any:
        """Reads what `save_weights` wrote, of a Translator of the same Config."""
        self.create_variables()
        return super().load_weights(filepath, **kwargs)

    def translate(
        self,
        content: Array,
        exemplar: Array,
        direction: str = "a2b",
        strength: Strength = 1.0,
    ) -> tf.Tensor:
        """Content of one domain in the style of exemplars of the other.

        Args:
          content: [B, H, W, 3], float in [-1, 1] or uint8: images of the source domain.
          exemplar: [B or 1, H', W', 3], likewise: images of the target domain.
          direction: "a2b" or "b2a".
          strength: scalar or [B], 0 to 1 for the full style; see style_at.

        Returns:
          [B, H, W, 3] float32 in [-1, 1].

        Raises:
          UserError: for bad shapes, types or values, or another direction.
        """
        source, target = split(direction)
        content = self._images("content", content)
        exemplar = self._images("exemplar", exemplar)
        count, given = content.shape[0], exemplar.shape[0]
        if count is not None and given not in (1, count, None):
            raise UserError(
                f"exemplar: expected 1 image or {count}, as of content; found {given}"
            )
        style = self._function("style", target)(exemplar)
        return self._translated(content, style, source, target, strength)

    def encode_style(self, exemplar: Array, domain: str = "b") -> tf.Tensor:
        """The style code (gamma, beta) of images of a domain.

        [B, H, W, 3], float in [-1, 1] or uint8 -> [B, 2C] float32.

        Raises:
          UserError: for a bad shape, type or value, or another domain.
        """
        _check_domain(domain)
        return self._function("style", domain)(self._images("exemplar", exemplar))

    def translate_with_style(
        self,
        content: Array,
        style: Array,
        direction: str = "a2b",
        strength: Strength = 1.0,
    ) -> tf.Tensor:
        """As `translate`, with a style code instead of an exemplar.

        Args:
          content: [B, H, W, 3], float in [-1, 1] or uint8.
          style: [B, 2C] or [1, 2C], from encode_style of the target domain; codes can
            be stored and blended.
          direction: "a2b" or "b2a".
          strength: scalar or [B], 0 to 1 for the full style; see style_at.

        Raises:
          UserError: for bad shapes, types or values, or another direction.
        """
        content = self._images("content", content)
        return self._translated(content, style, *split(direction), strength)

    def _translated(
        self,
        content: tf.Tensor,
        style: Array,
        source: str,
        target: str,
        strength: Strength,
    ) -> tf.Tensor:
        style = self.style_at(strength, style, content, target)
        c, m = self._function(_content_part(content), source)(content)
        size = tf.shape(content)[1:3]
        return self.decode(c, m, style, target)[:, : size[0], : size[1]]

    def style_at(
        self, strength: Strength, style: Array, content: Array, domain: str = "b"
    ) -> Array:
        """The style code on the way from a content's own look to a given style.

        Decoders know style codes of their domain alone. So the code is blended, not the
        features, which AdaIN would leave at a scale that they have never seen.

        Args:
          strength: scalar or [B]: 0 is the code that F of `domain` finds in the content
            itself, 1 is `style`, values between blend the two.
          style: [B, 2C] or [1, 2C], from encode_style of `domain`.
          content: [B, H, W, 3], float in [-1, 1] or uint8: images of the other domain.
          domain: that is translated to.

        Returns:
          [B, 2C] or [1, 2C].

        Raises:
          UserError: for a strength of a bad shape or value, bad images, or another
            domain.
        """
        _check_domain(domain)
        images = self._images("content", content)
        strength = tf.cast(strength, tf.float32)
        if not any(
            strength.shape.is_compatible_with(x)
            for x in (tf.TensorShape([]), images.shape[:1])
        ):
            raise UserError(
                f"strength: expected a number or {images.shape[:1]}, found "
                f"{strength.shape}"
            )
        if tf.executing_eagerly():
            _check_strength(strength)
        known = tf.get_static_value(strength)
        if not self.use_adain or (known is not None and np.all(known == 1.0)):
            return style
        batch = tf.shape(images)[0]
        strength = tf.broadcast_to(strength, [batch])

        def given() -> tf.Tensor:
            return tf.broadcast_to(tf.cast(style, tf.float32), [batch, width])

        def blended() -> tf.Tensor:
            own = self._function("style", domain)(images)
            return adain.between(own, given(), strength)

        width = 2 * self.generator.channels
        return tf.cond(tf.reduce_all(strength == 1.0), given, blended)

    def features(self, images: Array, domain: str = "b") -> tf.Tensor:
        """F of a domain: [B, H, W, 3], float in [-1, 1] or uint8 -> [B, h, w, C].

        Raises:
          UserError: for a bad shape, type or value, or another domain.
        """
        _check_domain(domain)
        return self._function("features", domain)(self._images("images", images))

    def encode_content(
        self, content: Array, domain: str = "a"
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """(c, m): the shared content and the mask of images, each [B, h, w, C].

        H and W are padded to the stride; crop what `decode` gives back to H x W.

        Raises:
          UserError: for a bad shape, type or value, or another domain.
        """
        _check_domain(domain)
        images = self._images("content", content)
        return self._function(_content_part(images), domain)(images)

    def masked(self, c: tf.Tensor, m: tf.Tensor) -> tf.Tensor:
        """What AdaIN gets: m * c, or c where there are no masks."""
        return m * c if self.use_masks else c

    def decode(
        self,
        c: tf.Tensor,
        m: tf.Tensor,
        style: Array,
        domain: str = "b",
        given: Optional[tuple[Array, Array]] = None,
    ) -> tf.Tensor:
        """Images [B, H', W', 3] in [-1, 1] of a domain from content, mask, style.

        given: None, or the mean and variance, each [B or 1, C], of the masked content
        that c and m are a part of.

        Raises:
          UserError: for a style of a bad shape or value, or another domain.
        """
        _check_domain(domain)
        batch, width = tf.shape(c)[0], 2 * self.generator.channels
        style = tf.cast(style, tf.float32)
        if not any(style.shape.is_compatible_with([n, width]) for n in (1, c.shape[0])):
            raise UserError(
                f"style: expected [{c.shape[0]}, {width}] or [1, {width}], found "
                f"{style.shape}"
            )
        if tf.executing_eagerly() and not tf.reduce_all(tf.math.is_finite(style)):
            raise UserError("style: expected finite numbers, found others")
        style = tf.broadcast_to(style, [batch, width])
        if given is None:
            return self._function("decode", domain)(c, m, style)
        moments = [tf.convert_to_tensor(moment, tf.float32) for moment in given]
        return self._function("decode_part", domain)(c, m, style, *moments)

    def call(
        self, content: Array, exemplar: Array, direction: str = "a2b"
    ) -> tf.Tensor:
        """Same as `translate`; Keras calls it."""
        return self.translate(content, exemplar, direction)

    def _function(self, name: str, domain: str) -> Callable[..., Any]:
        """The graph of a part, traced once for all shapes."""
        key = f"{name}_{domain}"
        if key not in self._functions:
            channels = self.generator.channels
            features = tf.TensorSpec([None, None, None, channels], tf.float32)
            styles = tf.TensorSpec([None, 2 * channels], tf.float32)
            moments = tf.TensorSpec([None, channels], tf.float32)
            decoded = [features, features, styles]
            parts: dict[str, tuple[Callable[..., Any], list[Any]]] = {
                "style": (self._style, [_IMAGES]),
                "features": (self._features, [_IMAGES]),
                "content": (self._content, [_IMAGES]),
                "content_in_turn": (
                    functools.partial(self._content, in_turn=True),
                    [_IMAGES],
                ),
                "decode": (self._decode, decoded),
                "decode_part": (self._decode, [*decoded, moments, moments]),
            }
            body, signature = parts[name]
            self._functions[key] = tf.function(
                lambda *args: body(domain, *args),
                input_signature=signature,
                autograph=False,
            ).get_concrete_function()
        return self._functions[key]

    def _feature(self, domain: str) -> Encoder:
        return {"a": self.feature_a, "b": self.feature_b}[domain]

    def _style(self, domain: str, exemplar: tf.Tensor) -> tf.Tensor:
        return self.generator.style(exemplar, self._feature(domain), domain)

    def _features(self, domain: str, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(self._feature(domain)(images), tf.float32)

    def _content(
        self, domain: str, content: tf.Tensor, in_turn: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """in_turn: E_d before F_d, for less memory; else both at once."""
        stride = self.generator.encoder_a.stride
        height, width = tf.shape(content)[1], tf.shape(content)[2]
        padded = tf.pad(
            content,
            [[0, 0], [0, -height % stride], [0, -width % stride], [0, 0]],
            mode="REFLECT",
        )
        h = self.generator.encode(padded, domain)
        noise = None
        if self.test_noise > 0:
            noise = tf.random.normal(tf.shape(h), stddev=self.test_noise, dtype=h.dtype)
        z, _ = self.generator.latent(h, noise)
        c = self.generator.shared_generator(z)
        with tf.control_dependencies([c] if in_turn else []):
            m = feature_mask(self._feature(domain)(tf.identity(padded)))
        return tf.cast(c, tf.float32), tf.cast(m, tf.float32)

    def _decode(
        self,
        domain: str,
        c: tf.Tensor,
        m: tf.Tensor,
        style: tf.Tensor,
        *given: tf.Tensor,
    ) -> tf.Tensor:
        image = self.generator.decode(
            c,
            m if self.use_masks else None,
            style if self.use_adain else None,
            domain,
            given or None,
        )
        return tf.clip_by_value(image, -1.0, 1.0)

    def _images(self, name: str, value: Array) -> tf.Tensor:
        """[B, H, W, 3] float32 in [-1, 1]. Raises UserError naming the argument."""
        images = value_range.as_images(name, value)
        smallest = self.smallest_side
        if any(side is not None and side < smallest for side in images.shape[1:3]):
            raise UserError(
                f"{name}: expected at least {smallest}x{smallest} pixels, found "
                f"{images.shape[1]}x{images.shape[2]}"
            )
        return images

"""How far a .tflite file is from the Keras model that it was made of, on real pairs.

All numbers are of uint8 images, in grey levels of 0 to 255.
"""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from egsc_tf.data import images
from egsc_tf.domains import split
from egsc_tf.export import run_tflite
from egsc_tf.export.litert import graph, measure

# Of images that do not differ at all, whose PSNR is infinite and no number of JSON.
HIGHEST_PSNR = 120.0


def compare(found, expected):
    """{"psnr", "psnr_worst", "ssim", "max_error", "mean_error"} of [N, H, W, 3] uint8.

    psnr is of all pixels together, psnr_worst of the worst image, ssim their mean.
    """
    error = np.abs(found.astype(np.int16) - expected)
    return {
        "psnr": _psnr(found, expected),
        "psnr_worst": min(_psnr(f, e) for f, e in zip(found, expected)),
        "ssim": float(
            np.mean(
                [
                    structural_similarity(e, f, channel_axis=-1, data_range=255)
                    for f, e in zip(found, expected)
                ]
            )
        ),
        "max_error": int(error.max()),
        "mean_error": float(error.mean()),
    }


def _psnr(found, expected):
    with np.errstate(divide="ignore"):
        psnr = peak_signal_noise_ratio(expected, found, data_range=255)
    return min(float(psnr), HIGHEST_PSNR)


class Reference:
    """What the Keras model makes of pairs.

    Args:
      translator: egsc_tf.models.translator.Translator.
      pairs: egsc_tf.export.litert.pairs.Pairs.
      direction: "a2b" or "b2a".

    Attributes:
      styles: [N] arrays [1, 2C]; images: [N, H, W, 3] uint8.
    """

    def __init__(self, translator, pairs, direction):
        self.pairs = pairs
        self._translator, self._direction = translator, direction
        self.styles = [self._encode_style(exemplar) for exemplar in pairs.exemplars]
        self.images = np.concatenate(
            [self._translate(c, s) for c, s in zip(pairs.contents, self.styles)]
        )

    def latency_ms(self, runs):
        """{signature: ms} of the Keras model's tf.functions, from pixels to pixels."""
        content, exemplar = next(iter(self.pairs))
        style = self.styles[0]
        calls = {
            graph.ENCODE_STYLE: lambda: self._encode_style(exemplar),
            graph.TRANSLATE: lambda: self._translate(content, style),
        }
        return {name: measure.median_ms(call, runs) for name, call in calls.items()}

    def score(self, interpreter):
        """The numbers of a .tflite file with both signatures.

        Args:
          interpreter: of the file, with its tensors not yet allocated.

        Returns:
          compare() of exemplar and content in, image out; "encode_style": errors of the
          style codes; "translate": compare() where Keras' style codes are given.
        """
        model = run_tflite.Model(
            {
                name: interpreter.get_signature_runner(name)
                for name in run_tflite.SIGNATURES
            }
        )
        styles = [model.encode_style(exemplar) for _, exemplar in self.pairs]
        contents = self.pairs.contents

        def translations(codes):
            return np.stack([model.translate(c, s) for c, s in zip(contents, codes)])

        error = np.abs(np.stack(styles) - np.stack(self.styles))
        return {
            **compare(translations(styles), self.images),
            "encode_style": {
                "max_error": float(error.max()),
                "mean_error": float(error.mean()),
            },
            "translate": compare(translations(self.styles), self.images),
        }

    def _encode_style(self, exemplar):
        """[H, W, 3] uint8 -> [1, 2C]."""
        target = split(self._direction)[1]
        pixels = images.to_float(exemplar)[None]
        return self._translator.encode_style(pixels, target).numpy()

    def _translate(self, content, style):
        """[H, W, 3] uint8 and a style code -> [1, H, W, 3] uint8."""
        pixels = images.to_float(content)[None]
        return images.to_uint8(
            self._translator.translate_with_style(pixels, style, self._direction)
        )

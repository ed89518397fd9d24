"""What an evaluation is set to, and what it leaves behind."""

import dataclasses

from egsc_tf.config import Config
from egsc_tf.runtime.flags import setting

RESULTS = "results.json"
DIGITS = ("content_accuracy", "style_accuracy", "ssim", "psnr", "l1")
METRICS = (
    *DIGITS,
    "fid",
    "kid",
    "perceptual",
    "diversity",
    "tsne",
    "transfer",
    "segmentation",
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the numbers depend on, beside the run itself.

    More than the flags' help says: label maps are 8-bit images of train ids, named like
    the test images; without label_dir they are the data set's own (egsc_gta5_*, of 8
    classes), or what the model finds in the source. Of the 8 categories 0, void, counts
    nowhere; a model of one's own may have another number of classes.
    """

    data_dir: str = setting("", "Where the data lie now; empty: as in training.")
    recursive: bool = setting(
        False, "Also images in subfolders; where training read them, always."
    )
    manual_dir: str = setting("", "As of egsc_tf.train; empty: as in training.")
    metrics: tuple[str, ...] = setting(
        (), f"Some of {', '.join(METRICS)}; empty: what fits and needs no file."
    )
    max_images: int = setting(0, "Test images to use; 0: all.", least=0)
    seed: int = setting(0, "Of exemplars, judges, subsets.", least=0, most=2**32 - 1)
    extractor: str = setting(
        "",
        "Features of FID and KID: inception, an Inception-v3 .h5 file, perceptual, "
        "digits; empty: digits for digits, else perceptual.",
    )
    perceptual_network: str = setting(
        "", "Of perceptual distances; empty: the run's own."
    )
    segmentation_model: str = setting("", "A segmentation SavedModel.")
    label_dir: str = setting("", "Folder with label maps in testA, testB.")
    segmentation_classes: int = setting(19, "19 train ids or 8 categories.", least=1)
    ignore_label: int = setting(255, "Label that counts nowhere.", least=0, most=255)

    def moved(self, config: Config) -> Config:
        """The Config of a run with the data where they lie now."""
        where = ("data_dir", "manual_dir", "recursive")
        names = [name for name in where if getattr(self, name)]
        return dataclasses.replace(config, **{n: getattr(self, n) for n in names})

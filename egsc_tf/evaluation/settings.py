"""What an evaluation is set to, and what it leaves behind."""

import dataclasses
from collections.abc import Sequence

from egsc_tf.config import EMBEDDED, IMAGENET, Config
from egsc_tf.metrics import extractors
from egsc_tf.run import workdir
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import Use, setting

RESULTS = "results.json"
DIGITS = ("content_accuracy", "style_accuracy", "ssim", "psnr", "l1")
METRICS = (
    *DIGITS,
    "fid",
    "kid",
    "perceptual",
    "diversity",
    "exemplar_rank",
    "exemplar_kind",
    "tsne",
    "transfer",
    "segmentation",
    "segmentation_agreement",
    "segmentation_transfer",
    "mask_regions",
)


def _of(*metrics: str) -> Use:
    """Of flags that only these metrics use. Without --metrics the run decides."""

    def holds(names: Sequence[str]) -> bool:
        return not names or bool({*names} & {*metrics})

    expected = f"--metrics with {' or '.join(metrics)}"
    return Use(("metrics",), expected, holds)


LABELLED = ("segmentation", "segmentation_transfer", "mask_regions")
JUDGED = ("segmentation", "segmentation_agreement")
SCENES = tuple(dict.fromkeys((*LABELLED, *JUDGED)))
_OF_LABELS = _of(*LABELLED)
_OF_MODELS = _of(*JUDGED)
_OF_CLASSES = _of(*SCENES)
_OF_TRANSFER = _of("segmentation_transfer")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the numbers depend on, beside the run itself.

    More than the flags' help says: label maps are 8-bit images of train ids, named like
    the images; without label_dir they are the data set's own (egsc_gta5_*,
    egsc_camvid, of 8 classes). Of the 8 categories 0, void, counts nowhere; a model of
    one's own may have another number of classes.
    """

    data_dir: str = setting(
        "", "Where the data lie now; empty: as in training.", path=paths.READ
    )
    recursive: bool = setting(
        False, "Also images in subfolders; where training read them, always."
    )
    manual_dir: str = setting(
        "", "As of egsc_tf.train; empty: as in training.", path=paths.READ
    )
    metrics: tuple[str, ...] = setting(
        (), f"Some of {', '.join(METRICS)}; empty: what fits and needs no file."
    )
    max_images: int = setting(0, "Test images to use; 0: all.", least=0)
    seed: int = setting(0, "Of exemplars, judges, subsets.", least=0, most=2**32 - 1)
    extractor: str = setting(
        "",
        f"Features of FID and KID: {', '.join(extractors.NAMES)}, or an Inception-v3 "
        ".h5 file; empty: digits for digits, else perceptual.",
        path=paths.READ,
        names=extractors.NAMES,
        use=_of("fid", "kid"),
    )
    perceptual_network: str = setting(
        "",
        "Of perceptual distances; empty: the run's own.",
        path=paths.READ,
        names=(IMAGENET, EMBEDDED),
        use=_of("perceptual", "diversity", "exemplar_rank", "fid", "kid"),
    )
    kinds: tuple[str, ...] = setting(
        (),
        "What names of images begin with that are of one kind, as day,night.",
        use=_of("exemplar_kind"),
    )
    segmentation_model: str = setting(
        "",
        "A segmentation SavedModel, as of egsc_tf.train_segmentation.",
        path=paths.READ,
        use=_OF_MODELS,
    )
    label_dir: str = setting(
        "",
        "Folder with label maps in testA, testB; of segmentation_transfer also in "
        "trainA, trainB.",
        path=paths.READ,
        use=_OF_LABELS,
    )
    segmentation_classes: int = setting(
        19, "19 train ids, 8 categories, or another number.", least=2, use=_OF_CLASSES
    )
    ignore_label: int = setting(
        255, "Label that counts nowhere.", least=0, most=255, use=_OF_CLASSES
    )
    segmentation_steps: int = setting(
        400, "Updates of each network that is trained.", least=1, use=_OF_TRANSFER
    )
    segmentation_seeds: tuple[int, ...] = setting(
        (0,), "Seeds of these networks; scores are their means.", use=_OF_TRANSFER
    )

    def moved(self, config: Config) -> Config:
        """The Config of a run with the data where they lie now. Raises UserError for
        what the run's data set has no use for."""
        return workdir.moved(
            config,
            data_dir=self.data_dir,
            manual_dir=self.manual_dir,
            recursive=self.recursive,
        )

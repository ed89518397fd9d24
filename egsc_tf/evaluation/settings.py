"""What an evaluation is set to, and what it leaves behind."""

import dataclasses

RESULTS = "results.json"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the numbers depend on, beside the run itself.

    Attributes:
      data_dir, manual_dir: where the data lie now; empty: where they lay in training.
      metrics: names of `evaluators.METRICS`; empty: those that need no further file.
      max_images: how many test images of a domain to use; 0 is all of them.
      seed: of the choice of exemplars, the judging classifiers, subsets, t-SNE.
      extractor: of FID and KID, see `egsc_tf.metrics.extractors`; empty: "digits" for
        single digits, "perceptual" otherwise.
      perceptual_network: of the perceptual distances; empty: the run's own.
      segmentation_model: a SavedModel, see `egsc_tf.metrics.segmentation`.
      label_dir: a folder with testA, testB: label maps (8-bit images, train ids) of the
        same names as the test images; empty: the data set's own (egsc_gta5_*, of 8
        classes), or what the model finds in the source.
      segmentation_classes: 19 (Cityscapes' train ids) or 8 (its categories, of which 0,
        void, counts nowhere); or how many a model of one's own has.
      ignore_label: a label that counts nowhere.
    """

    data_dir: str = ""
    manual_dir: str = ""
    metrics: tuple = ()
    max_images: int = 0
    seed: int = 0
    extractor: str = ""
    perceptual_network: str = ""
    segmentation_model: str = ""
    label_dir: str = ""
    segmentation_classes: int = 19
    ignore_label: int = 255

    def moved(self, config):
        """The Config of a run with the data where they lie now."""
        names = [name for name in ("data_dir", "manual_dir") if getattr(self, name)]
        return dataclasses.replace(config, **{n: getattr(self, n) for n in names})

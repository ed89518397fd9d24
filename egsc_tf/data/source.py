"""Which images a run reads: Config -> a source (see `egsc_tf.data.stream`)."""

from egsc_tf.data import digits, handwriting
from egsc_tf.data.folder import Folder


def open_source(config, split):
    """The source of a split ("train" or "test") of config.dataset.

    Raises:
      UserError: where the data are missing or bad.
    """
    size = (config.height, config.width)
    if config.dataset == "folder":
        return Folder(
            config.data_dir, split, *size, config.on_bad_image, config.cache_gib
        )
    images, labels = handwriting.load(config.digits, split, config.data_dir)
    if config.dataset == "digits_multi":
        return digits.DigitsMulti(images, labels, *size, config.polarity)
    return digits.DigitsSingle(
        images,
        labels,
        *size,
        config.polarity,
        unseen_pairs=config.unseen_pairs and split == "train",
    )

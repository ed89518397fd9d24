"""Which images a run reads: Config -> a source (see `egsc_tf.data.stream`)."""

from egsc_tf.data.decoded import Decoded
from egsc_tf.data.digits import handwriting, sources
from egsc_tf.data.listings import folder, official_records, tfds
from egsc_tf.errors import UserError


def open_source(config, split, most=None):
    """The source of a split ("train" or "test") of config.dataset.

    most: how many images of a domain to read at most, the first ones; None: all.
      Digits, which cost nothing, are always all there.

    Raises:
      UserError: where the data are missing or bad.
    """
    size = (config.height, config.width)
    check(config)
    if config.dataset.startswith("digits_"):
        images, labels = handwriting.load(config.digits, split, config.data_dir)
        if config.dataset == "digits_multi":
            return sources.DigitsMulti(images, labels, *size, config.polarity)
        unseen_pairs = config.unseen_pairs and split == "train"
        return sources.DigitsSingle(
            images, labels, *size, config.polarity, unseen_pairs=unseen_pairs
        )
    if config.dataset == "folder":
        listings = folder.listings(config.data_dir, split, config.recursive)
    elif config.dataset == "official_records":
        listings = official_records.listings(config.data_dir, split)
    else:
        listings = tfds.listings(
            config.dataset,
            split,
            config.data_dir,
            config.manual_dir,
            config.split_a,
            config.split_b,
        )
    return Decoded(
        listings,
        *size,
        config.on_bad_image,
        config.cache_gib,
        config.cache_dir,
        most,
    )


def check(config, *splits):
    """Looks whether the data are there, and reads none of them.

    Raises:
      UserError: as `open_source`, for what can be known so: before other work.
    """
    if config.dataset == "digits_multi":
        for name in ("height", "width"):
            if getattr(config, name) % sources.CELLS:
                raise UserError(
                    f"--{name}: expected a multiple of {sources.CELLS}, the cells of a "
                    f"board, found {getattr(config, name)}"
                )
    if config.dataset.startswith("digits_"):
        handwriting.check(config.digits, config.data_dir)
    for split in splits:
        if config.dataset == "folder":
            folder.check(config.data_dir, split, config.recursive)
        elif config.dataset == "official_records":
            official_records.files(config.data_dir, split)

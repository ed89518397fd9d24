"""Any data set of TensorFlow Datasets with images of two domains.

`NAME[/CONFIG]` is a builder with the splits trainA, trainB, testA, testB, as those of
cycle_gan have; or the images of the domains are two splits of one builder, or of two:
--split_a=celeb_a:{split}, --split_b=lfw:train.
"""

import os
import re

from absl import logging

from egsc_tf.data.listings.encoded_records import EncodedRecords
from egsc_tf.data.records import Records
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError

PREFIX = "tfds:"


def listings(dataset, split, data_dir="", manual_dir="", split_a="", split_b=""):
    """{"a": Listing, "b": Listing} of a split ("train" or "test").

    Args:
      dataset: "tfds:NAME[/CONFIG]".
      split: "train" or "test": stands in front of A and B, and for {split} below.
      data_dir: TFDS' data folder; empty for its default. Prepared there if need be.
      manual_dir: where files lie that TFDS cannot download; empty for its default.
      split_a, split_b: "[BUILDER:]SPLIT" instead of {split}A, {split}B; slices such as
        train[:80%] are TFDS' own, and "{split}" stands for train or test.

    Raises:
      UserError: where TFDS cannot prepare the data, or they hold no image.
    """
    found = {}
    for domain, name in zip(DOMAINS, (split_a, split_b)):
        if name and "{split}" not in name and split == "test":
            logging.warning("--split_%s=%s: tests on training images", domain, name)
        builder_name, part = _builder_and_split(dataset, split, domain, name)
        found[domain] = _listing(builder_name, part, data_dir, manual_dir)
    return found


def _builder_and_split(dataset, split, domain, name):
    """Which builder's images are a domain's, and which of its splits.

    Args:
      dataset, split: as of `listings`; name: its split_a or split_b.
    """
    name = (name or "{split}" + domain.upper()).replace("{split}", split)
    # "BUILDER:SPLIT"; a colon behind a bracket is a slice.
    match = re.match(r"(?:([^\[]+):)?([^:]+(?:\[.*)?)$", name)
    if not match:
        raise UserError(
            f"--split_{domain}={name}: expected [BUILDER:]SPLIT, as lfw:train[:80%]"
        )
    builder_name, part = match.groups()
    return builder_name or dataset[len(PREFIX) :], part


def label_maps(config, split, domain):
    """[h, w] uint8 arrays of the feature label_map of a domain's images, in the order
    of `listings`; None without it."""
    if not config.dataset.startswith(PREFIX):
        return None
    builder_name, part = _builder_and_split(
        config.dataset, split, domain, getattr(config, f"split_{domain}")
    )
    made = builder(builder_name, config.data_dir, config.manual_dir)
    if "label_map" not in made.info.features:
        return None
    data = made.as_dataset(split=part, **_in_order())
    return [example["label_map"].numpy()[..., 0] for example in data]


def _in_order():
    """The arguments that make TFDS read a split in the order that it is stored in."""
    import tensorflow_datasets as tfds

    return {
        "shuffle_files": False,
        "read_config": tfds.ReadConfig(interleave_cycle_length=1),
    }


def builder(name, data_dir="", manual_dir=""):
    """The prepared TFDS builder. Raises UserError."""
    import tensorflow_datasets as tfds

    import egsc_tf.data.builders  # noqa: F401  registers ours

    if not name:
        raise UserError(f"--dataset={PREFIX}: expected {PREFIX}NAME, found no name")
    try:
        made = tfds.builder(name, data_dir=data_dir or None)
        made.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=manual_dir or None)
        )
    except Exception as error:  # TFDS raises many kinds: no network, no space, ...
        lines = str(error).strip().splitlines() or [""]
        raise UserError(
            f"--dataset={PREFIX}{name}: expected TFDS to find or prepare it, found "
            f"{type(error).__name__}: {lines[0]}"
        ) from error
    return made


def _listing(name, split, data_dir, manual_dir):
    import tensorflow_datasets as tfds

    made = builder(name, data_dir, manual_dir)
    where = f"{PREFIX}{name} {split}"
    features = dict(made.info.features.items())
    if not isinstance(features.get("image"), tfds.features.Image):
        raise UserError(
            f"--dataset={where}: expected a feature 'image', found {sorted(features)}"
        )
    if made.info.file_format != tfds.core.FileFormat.TFRECORD:
        raise UserError(
            f"--dataset={where}: expected it to be prepared as TFRecords, found "
            f"{made.info.file_format.value}"
        )
    try:
        parts = [
            (os.fspath(part.filename), part.skip, part.take)
            for part in made.info.splits[split].file_instructions
        ]
    except (KeyError, ValueError) as error:
        raise UserError(
            f"--dataset={where}: expected one of the splits "
            f"{sorted(made.info.splits)} or a slice of one"
        ) from error
    records = Records(parts)
    home = f"{made.data_dir} {split}"
    return EncodedRecords(
        records, "image", where, home, lambda index: f"{where} {index}"
    )

"""BDD100K (Yu et al. 2020) by day and by night, as its attributes say.

Of the archives as they are: 100,000 frames of 1280x720, one of each drive, and the JSON
files that say weather, scene and time of day of each. Frames at dawn or dusk, and those
of no known time, belong to neither domain. The test split is the site's `val`: its
`test` has no attributes.
"""

import functools
import io
import json
import re

from egsc_tf.data import archives
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError

IMAGES = "bdd100k_images_100k.zip"
# Of 2018 and of 2020: the same attributes.
LABELS = ("bdd100k_labels_release.zip", "bdd100k_det_20_labels_trainval.zip")
KINDS = ("day", "night")
TIMES = dict(zip(DOMAINS, ("daytime", "night")))
PARTS = {"train": "train", "test": "val"}
_PICTURES = r"(?:bdd100k/)?(?:images/)?100k/PART/(.+)\.jpg"
_ATTRIBUTES = (
    r"(?:bdd100k/)?labels/(?:bdd100k_labels_images|det_20/det)_(train|val)\.json"
)
_CHUNK = 2**20
_BETWEEN = re.compile(r"[\s,]*")


def frames(folder, split, domain):
    """[(name, place for egsc_tf.data.archives.read)], sorted, of a split.

    Args:
      folder: a pathlib or etils path that has IMAGES and one of LABELS.
      split: "train" or "test"; domain: "a" (day) or "b" (night).

    Raises:
      UserError: where an archive is missing or not what its name says.
    """
    part = PARTS[split]
    images = archives.existing(folder, [IMAGES])
    labels = archives.existing(folder, LABELS)[:1]
    places = archives.Members(images, _PICTURES.replace("PART", part)).places
    attributes = archives.Members(labels, _ATTRIBUTES).places
    for path, found, expected in (
        (images[0], places, f"100k/{part}/NAME.jpg"),
        (labels[0], part in attributes, f"labels/bdd100k_labels_images_{part}.json"),
    ):
        if not found:
            raise UserError(f"{path}: expected {expected} in it, found none")
    times = _times(attributes[part])
    return [
        (name, places[name])
        for name in sorted(places)
        if times.get(name) == TIMES[domain]
    ]


@functools.cache
def _times(place):
    """{name of a frame: time of day}."""
    with archives.open_member(place) as file:
        entries = _entries(io.TextIOWrapper(file, encoding="utf-8"), place)
        return {
            entry["name"].removesuffix(".jpg"): entry["attributes"]["timeofday"]
            for entry in entries
            if entry.get("attributes")
        }


def _entries(file, place):
    """Yields the objects of a JSON list: all of it at once takes gigabytes."""
    decoder = json.JSONDecoder()
    text = file.read(_CHUNK).lstrip()
    is_list, at = text[:1] == "[", 1
    while True:
        at = _BETWEEN.match(text, at).end()
        try:
            entry, at = decoder.raw_decode(text, at)
        except ValueError as error:
            more = file.read(_CHUNK) if is_list else ""
            if more:
                text, at = text[at:] + more, 0
                continue
            if is_list and text[at:].strip() == "]":
                return
            raise UserError(
                f"{place[0]}: expected a JSON list in {place[1]}, found: {error}"
            ) from error
        yield entry

"""Which frames the folders of an experiment on streets hold, and of which archives.

An experiment is trainA, trainB, testA, testB, and labels/ with folders of the same
names where there are label maps. Its frames come from the sites' archives, or from a
NAME.tar that was made of them before and holds the frames in folders.

bdd_day2night    BDD100K by day and by night: bdd_day2night.tar (trainA, ...), or the
                 archives of `egsc_tf.data.streets.bdd`
carla2bdd        renderings by the CARLA simulator, and BDD100K by day and by night
                 together; a name of domain b begins with day_ or night_. carla.tar
                 (train, test), or CARLA, an archive of GitHub (MIT licence)
camvid_day2dusk  CamVid by day and at dusk, with label maps: camvid_day2dusk.tar
                 (trainA, ..., labelsA/train, ...), or the archives of
                 `egsc_tf.data.streets.camvid`

Label maps have classes 0 flat, 1 construction, 2 object, 3 nature, 4 sky, 5 human,
6 vehicle, and 255 for void: Cityscapes' categories less one.
"""

import io
import typing

import numpy as np

from egsc_tf.data import archives, images
from egsc_tf.data.streets import bdd, camvid
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError

EXPERIMENTS = ("bdd_day2night", "carla2bdd", "camvid_day2dusk")
CLASSES = ("flat", "construction", "object", "nature", "sky", "human", "vehicle")
CARLA = "Carla-Object-Detection-Dataset-master.zip"  # of DanielHfnr's repository
SPLITS = ("train", "test")
_FRAME = r"([^/]+)\.(?:jpg|png)"


class Frame(typing.NamedTuple):
    """A frame: where its picture lies, and its label map and what reads it, or None."""

    name: str
    picture: tuple[str, str]
    label: typing.Optional[tuple[str, str]] = None
    classes: typing.Optional[typing.Callable[[bytes], np.ndarray]] = None


def of(experiment, source):
    """{folder: [Frame, ...]} of an experiment.

    Args:
      experiment: one of EXPERIMENTS.
      source: a pathlib path of the folder with the archives.

    Raises:
      UserError: where an archive is missing or holds no such frames.
    """
    frames = {
        "bdd_day2night": _bdd,
        "carla2bdd": _carla2bdd,
        "camvid_day2dusk": _camvid,
    }[experiment]
    return {
        split + domain.upper(): frames(source, split, domain)
        for split in SPLITS
        for domain in DOMAINS
    }


def _bdd(source, split, domain):
    ready = source / "bdd_day2night.tar"
    if ready.exists():
        return _of_folder(ready, split + domain.upper())
    return [Frame(*frame) for frame in bdd.frames(source, split, domain)]


def _carla2bdd(source, split, domain):
    if domain == "a":
        (archive, *_) = archives.existing(source, ["carla.tar", CARLA])
        return _of_folder(archive, split)
    return [
        frame._replace(name=f"{kind}_{frame.name}")
        for kind, time in zip(bdd.KINDS, DOMAINS)
        for frame in _bdd(source, split, time)
    ]


def _camvid(source, split, domain):
    ready = source / "camvid_day2dusk.tar"
    if not ready.exists():
        return [
            Frame(*frame, _classes_of_colours)
            for frame in camvid.frames(source, split, domain)
        ]
    maps = {
        frame.name: frame.picture
        for frame in _of_folder(ready, f"labels{domain.upper()}/{split}")
    }
    frames = _of_folder(ready, split + domain.upper())
    for frame in frames:
        if frame.name not in maps:
            raise UserError(
                f"{ready}: expected labels{domain.upper()}/{split}/{frame.name}.png, "
                "found none"
            )
    return [f._replace(label=maps[f.name], classes=_classes_of_map) for f in frames]


def _of_folder(archive, folder):
    """The frames of a folder of an archive."""
    places = archives.Members([archive], rf"(?:.*/)?{folder}/{_FRAME}").places
    return [Frame(name, places[name]) for name in sorted(places)]


def _classes_of_colours(data):
    found = camvid.categories(data)
    return np.where(found, found - 1, 255).astype(np.uint8)


def _classes_of_map(data):
    with images.open_image(io.BytesIO(data)) as image:
        return np.asarray(image)

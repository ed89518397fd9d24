"""CamVid (Brostow et al. 2009): one town and camera, by day and at dusk, labelled.

Of the archives as they are: 701 frames of 960x720 in four sequences, and label maps in
colours. The domains are split by sequence. Dusk is a sequence of its own, whose first
half is for training and whose second for tests. Frames of a sequence follow each other,
so that no random split would do.
"""

import io

import numpy as np

from egsc_tf.data import archives, images
from egsc_tf.errors import UserError

IMAGES, LABELS = "701_StillsRaw_full.zip", "LabeledApproved_full.zip"
SEQUENCES = {
    "trainA": ("0006R0", "0016E5"),
    "testA": ("Seq05VD",),
    "trainB": ("0001TP",),
    "testB": ("0001TP",),
}
_PICTURES = r"(?:.*/)?([^/]+)\.png"
_MAPS = r"(?:.*/)?([^/]+)_L\.png"
# Cityscapes' categories (egsc_tf.data.label_maps) of the colours of CamVid's 32
# classes. Other colours are void: black, animals, prams, and a few pixels of one map
# that have none of the 32.
_COLOURS = {
    1: (  # flat: road, shoulder, markings, footpath, parking block
        (128, 64, 128),
        (128, 128, 192),
        (128, 0, 192),
        (192, 0, 64),
        (0, 0, 192),
        (64, 192, 128),
    ),
    2: (  # construction: building, wall, bridge, tunnel, archway, fence
        (128, 0, 0),
        (64, 192, 0),
        (0, 128, 64),
        (64, 0, 64),
        (192, 0, 128),
        (64, 64, 128),
    ),
    3: (  # object: pole, sign, traffic light, text, cone
        (192, 192, 128),
        (192, 128, 128),
        (0, 64, 64),
        (128, 128, 64),
        (0, 0, 64),
    ),
    4: ((128, 128, 0), (192, 192, 0)),  # nature: tree, other plants
    5: ((128, 128, 128),),  # sky
    6: ((64, 64, 0), (192, 128, 64), (0, 128, 192)),  # human: adult, child, cyclist
    7: (  # vehicle: car, pickup, lorry or bus, train, motorcycle, other
        (64, 0, 128),
        (64, 128, 192),
        (192, 128, 192),
        (192, 64, 128),
        (192, 0, 192),
        (128, 64, 64),
    ),
}


def frames(folder, split, domain):
    """[(name, place of the picture, place of the label map)], in the order of time.

    Args:
      folder: a pathlib or etils path that has IMAGES and LABELS.
      split: "train" or "test"; domain: "a" (day) or "b" (dusk).

    Raises:
      UserError: where an archive or a sequence is missing.
    """
    part = split + domain.upper()
    found = archives.existing(folder, [IMAGES])
    pictures = archives.Members(found, _PICTURES).places
    maps = archives.Members(archives.existing(folder, [LABELS]), _MAPS).places
    names = [
        name
        for name in sorted(pictures)
        if name.startswith(SEQUENCES[part]) and name in maps
    ]
    if len(names) < 2:
        raise UserError(
            f"{found[0]}: expected labelled frames of {', '.join(SEQUENCES[part])}, "
            f"found {len(names)}"
        )
    if domain == "b":
        middle = len(names) // 2
        names = names[:middle] if split == "train" else names[middle:]
    return [(name, pictures[name], maps[name]) for name in names]


def categories(data):
    """[h, w] uint8: Cityscapes' categories of an encoded label map in colours."""
    with images.open_image(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB"), np.uint32)
    codes = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
    found = np.zeros(codes.shape, np.uint8)
    for category, colours in _COLOURS.items():
        wanted = [(r << 16) | (g << 8) | b for r, g, b in colours]
        found[np.isin(codes, wanted)] = category
    return found

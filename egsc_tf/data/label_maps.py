"""Label maps of scenes: [H, W] integers, the class that a pixel belongs to."""

import io
import os

import numpy as np
from PIL import Image

from egsc_tf.data import images
from egsc_tf.errors import UserError

# Cityscapes' categories: 0 void, 1 flat, 2 construction, 3 object, 4 nature, 5 sky,
# 6 human, 7 vehicle; by its 34 label ids, and by its 19 train ids.
CATEGORIES = 8
_OF_LABEL_ID = (0,) * 7 + (1,) * 4 + (2,) * 6 + (3,) * 4 + (4,) * 2 + (5,) + (6,) * 2
_OF_LABEL_ID += (7,) * 9  # vehicles; 34 is the licence plate
TRAIN_IDS = 19
_OF_TRAIN_ID = (1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 6, 7, 7, 7, 7, 7, 7)


def category_of_label_id(labels):
    """Label maps of Cityscapes' and GTA5's label ids -> categories; others are void."""
    return _look_up(_OF_LABEL_ID, labels)


def category_of_train_id(labels):
    """Label maps of Cityscapes' and BDD100K's train ids -> categories; 255: void."""
    return _look_up(_OF_TRAIN_ID, labels)


def _look_up(categories, labels):
    table = np.zeros(256, np.uint8)
    table[: len(categories)] = categories
    return table[np.asarray(labels, np.uint8)]


def read(path, height, width):
    """[height, width] uint8 of a label map, nearest neighbour. Raises BadImage."""
    with images.open_file(path) as file:
        try:
            with images.open_image(file) as image:
                if image.mode not in ("L", "P"):
                    raise ValueError(f"mode {image.mode}, expected one 8-bit channel")
                return resize(np.asarray(image), height, width)
        except Exception as error:  # Pillow's decoders raise many kinds.
            raise images.refused(path, error) from error


def of_images(names, folder, labels, size, classes, ignore):
    """[N, H, W] uint8: the label maps of image files, nearest neighbour.

    Args:
      names: paths of the images, which lie in `folder`, maybe in subfolders.
      labels: folder with label maps of the same names, that end in .png.
      size: (H, W).
      classes: how many; of 8 the maps hold train ids, which become categories.
      ignore: the label that counts nowhere; of 8 classes it is 0 whatever this says.

    Raises:
      UserError: where one is missing, and for labels of other classes.
      BadImage: where one cannot be read.
    """
    maps = []
    for name in names:
        stem = os.path.splitext(os.path.relpath(name, folder))[0]
        path = os.path.join(labels, stem + ".png")
        if not os.path.isfile(path):
            raise UserError(f"--label_dir: expected {path}, found no such file")
        maps.append(read(path, *size))
    maps = np.stack(maps)
    if classes == CATEGORIES:
        return category_of_train_id(maps)
    counted = maps[maps != ignore]
    if not counted.size or counted.max() >= classes:
        raise UserError(
            f"{labels}: expected labels 0 to {classes - 1} (--segmentation_classes) "
            f"and {ignore} (--ignore_label), found {sorted(map(int, np.unique(maps)))}"
        )
    return maps


def ignored(classes, ignore_label):
    """The label that counts nowhere: of the 8 categories 0, void."""
    return 0 if classes == CATEGORIES else ignore_label


def require_folders(label_dir, names):
    """Raises UserError where --label_dir lacks one of these folders."""
    for name in names:
        folder = os.path.join(label_dir, name)
        if not os.path.isdir(folder):
            raise UserError(
                f"--label_dir={label_dir}: expected {' and '.join(names)} with label "
                f"maps, found no folder {folder}"
            )


def resize(labels, height, width):
    """[h, w] uint8 -> [height, width], nearest neighbour."""
    image = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(image)


def open_bytes(data):
    """A Pillow image of an encoded one, in its own mode: for label maps."""
    return images.open_image(io.BytesIO(data))

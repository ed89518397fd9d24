"""Do the feature masks tell the regions of a scene apart, as the paper says?"""

import numpy as np
import tensorflow as tf

from egsc_tf.data import label_maps
from egsc_tf.domains import split
from egsc_tf.evaluation.context import in_batches
from egsc_tf.evaluation.evaluators import segmentation
from egsc_tf.metrics.regions import Regions


def mask_regions(context, direction, names):
    """The share of a mask's variance that lies between classes of the label maps.

    1: each class has one value of its own in each channel; 0: the masks are the same in
    all classes. Beside it, the same share of the sources' colours, at the masks' size.
    """
    del names
    own, _ = split(direction)
    labels = segmentation.label_maps_of(context, own)
    classes = segmentation.classes_of(context.settings)
    of_masks, of_colours = Regions(*classes), Regions(*classes)

    def add(images, maps):
        _, mask = context.translator.encode_content(images, own)
        height, width = mask.shape[1:3]
        maps = [label_maps.resize(np.uint8(x), height, width) for x in maps]
        of_masks.add(mask.numpy(), maps)
        of_colours.add(tf.image.resize(images, (height, width), "area").numpy(), maps)
        return maps

    # Not uint8, which in_batches takes for images.
    in_batches(add, context.test_images(own), labels.astype(np.int32))
    return {
        "mask_regions": of_masks.share(),
        "mask_regions_of_colours": of_colours.share(),
    }

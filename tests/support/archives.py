"""Archives and records as data sets are handed out."""

import io
import json
import os
import tarfile
import zipfile

import numpy as np
import tensorflow as tf
from PIL import Image
from support.files import noise
from support.pictures import png

TRAIN, TEST = 20, 10  # digits of the small MNIST


def write_mnist(folder):
    random = np.random.RandomState(0)
    arrays = {}
    for split, count in (("train", TRAIN), ("test", TEST)):
        images = np.zeros((count, 28, 28), np.uint8)
        for n in range(count):
            images[n, 8:20, 10 + n % 5 : 14 + n % 5] = 255
            images[n, random.randint(6, 22), 6:22] = 255
        arrays[f"x_{split}"] = images
        arrays[f"y_{split}"] = (np.arange(count) % 10).astype(np.uint8)
    np.savez(os.path.join(folder, "mnist.npz"), **arrays)


def write_zip(folder, name, files):
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)


def write_gta5(folder):
    """Two of the ten archive pairs: 3 and 2 frames; frame 2 shows sky over road."""
    for archive, frames in (("01", (1, 2, 3)), ("07", (4, 5))):
        labels = {n: np.full((40, 80), 7 + n, np.uint8) for n in frames}
        if 2 in labels:
            labels[2][:20], labels[2][20:] = 23, 7
        write_zip(
            folder,
            f"{archive}_images.zip",
            {f"images/{n:05d}.png": png(noise(40, 80, seed=n)) for n in frames},
        )
        write_zip(
            folder,
            f"{archive}_labels.zip",
            {f"labels/{n:05d}.png": png(labels[n]) for n in frames},
        )


def write_bdd(folder):
    pictures, labels = {"bdd100k/images/10k/train/unlabelled.jpg": png(noise())}, {}
    for part, names in (("train", ("p", "q")), ("val", ("r",))):
        for n, name in enumerate(names):
            pictures[f"bdd100k/images/10k/{part}/{name}.jpg"] = png(
                noise(36, 64, seed=n + len(part))
            )
            label = np.full((36, 64), 13, np.uint8)
            label[0] = 255
            labels[f"bdd100k/labels/sem_seg/masks/{part}/{name}.png"] = png(label)
    write_zip(folder, "bdd100k_images_10k.zip", pictures)
    write_zip(folder, "bdd100k_sem_seg_labels_trainval.zip", labels)


TIMES = ("daytime", "night", "dawn/dusk", "undefined")


def write_bdd_100k(folder, labels="bdd100k_labels_release.zip"):
    """Three frames of each time of day of training, two of validation, and one frame
    that the attributes do not name."""
    pictures, attributes = {}, {}
    of_2018 = "bdd100k/labels/bdd100k_labels_images_{}.json"
    path = of_2018 if "release" in labels else "bdd100k/labels/det_20/det_{}.json"
    for part, count in (("train", 3), ("val", 2)):
        entries = []
        for k, time in enumerate(TIMES):
            for n in range(count):
                name = f"{part}-{k}{n}.jpg"
                pixels = noise(18, 32, seed=10 * k + n) // 2 + 100 * (k == 0)
                pictures[f"bdd100k/images/100k/{part}/{name}"] = png(pixels)
                entries.append({"name": name, "attributes": {"timeofday": time}})
        pictures[f"bdd100k/images/100k/{part}/unknown.jpg"] = png(noise())
        attributes[path.format(part)] = json.dumps(entries, indent=4)
    pictures["bdd100k/images/100k/test/x.jpg"] = png(noise())
    write_zip(folder, "bdd100k_images_100k.zip", pictures)
    write_zip(folder, labels, attributes)


# Names of CamVid's sequences, and whether they show dusk.
CAMVID = {"0001TP_00": True, "0006R0_f0": False, "0016E5_0": False, "Seq05VD_f0": False}


def write_camvid(folder):
    """Four frames of each sequence: road below, sky above, one pixel of no class."""
    pictures, labels = {}, {}
    for k, prefix in enumerate(CAMVID):
        for n in range(4):
            name = f"{prefix}{6690 + 30 * n}"
            pixels = noise(24, 32, seed=10 * k + n)
            pictures[f"701_StillsRaw_full/{name}.png"] = png(pixels)
            label = np.full((24, 32, 3), 128, np.uint8)
            label[12:, :, 1] = 64
            label[0, 0] = 26
            labels[f"{name}_L.png"] = png(label)
    pictures["701_StillsRaw_full/Seq05VD_f09999.png"] = png(noise())
    write_zip(folder, "701_StillsRaw_full.zip", pictures)
    write_zip(folder, "LabeledApproved_full.zip", labels)


def write_tar(path, files):
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def write_cityscapes(folder):
    pictures, labels = {}, {}
    for part, cities in (("train", ("aachen", "ulm")), ("val", ("bonn",))):
        for n, city in enumerate(cities):
            name = f"{part}/{city}/{city}_000000_000019"
            pixels = noise(32, 64, seed=90 + n + len(part))
            pictures[f"leftImg8bit/{name}_leftImg8bit.png"] = png(pixels)
            label = np.full((32, 64), 26, np.uint8)
            labels[f"gtFine/{name}_gtFine_labelIds.png"] = png(label)
            labels[f"gtFine/{name}_gtFine_instanceIds.png"] = b"not read"
    write_zip(folder, "leftImg8bit_trainvaltest.zip", pictures)
    write_zip(folder, "gtFine_trainvaltest.zip", labels)


def write_faces(folder):
    for n, split in enumerate(("trainA", "trainB", "testA", "testB")):
        os.makedirs(os.path.join(folder, split))
        for i in range(2):
            path = os.path.join(folder, split, f"{i}.png")
            Image.fromarray(noise(30, 24, seed=10 * n + i)).save(path)


def write_records(path, pairs):
    """A file as the authors released: one pair of images a record."""
    text = lambda x: tf.train.Feature(bytes_list=tf.train.BytesList(value=[x]))  # noqa: E731
    with tf.io.TFRecordWriter(str(path)) as writer:
        for n, (a, b) in enumerate(pairs):
            feature = {
                "image_name_A": text(b"a%d.png" % n),
                "image_name_B": text(b"b%d.png" % n),
                "image_raw_A": text(a),
                "image_raw_B": text(b),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())

"""Our TFDS builders, on small data in the layouts of the real ones (tfds.testing)."""

import os
import sys
import tempfile
import unittest.mock

import numpy as np
import pytest
import tensorflow_datasets as tfds
from support.archives import (
    TEST,
    TRAIN,
    write_bdd,
    write_bdd_100k,
    write_camvid,
    write_cityscapes,
    write_faces,
    write_gta5,
    write_mnist,
)
from support.files import noise

from egsc_tf.data import builders
from egsc_tf.errors import UserError


class _Case:
    """What all seven have in common; SMALL writes the small data into a new folder."""

    # Our readers use zipfile and Pillow on files that TFDS opens.
    MOCK_OUT_FORBIDDEN_OS_FUNCTIONS = False
    SMALL = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        for write in cls.SMALL:
            write(folder.name)
        cls.EXAMPLE_DIR = folder.name
        super().setUpClass()

    def prepared(self, config=None, **how):
        """{split: examples}, from the small data in the manual folder."""
        data_dir = os.path.join(self.tmp_dir, "_".join(("of", *how)))
        builder = self.DATASET_CLASS(data_dir=data_dir, config=config)
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                manual_dir=self.EXAMPLE_DIR, **how
            )
        )
        return {
            split: list(tfds.as_numpy(builder.as_dataset(split=split)))
            for split in builder.info.splits
        }


class _LargeCase(_Case):
    CONFIG = None

    def test_beam_makes_the_same_examples(self):
        self.assert_beam_makes_the_same_examples(self.CONFIG)

    def assert_beam_makes_the_same_examples(self, config):
        pytest.importorskip("apache_beam", reason="needs the extra beam")
        expected = self.prepared(config)
        # Beam's name for what DirectRunner is where it does not download another.
        found = self.prepared(config, beam_runner="FnApiRunner")
        assert set(found) == set(expected)
        for split, examples in expected.items():
            assert len(found[split]) == len(examples)
            for one, other in zip(found[split], examples):
                assert set(one) == set(other)
                for key in one:
                    np.testing.assert_array_equal(one[key], other[key])

    def test_beam_that_is_missing_is_named(self):
        with (
            unittest.mock.patch.dict(sys.modules, {"apache_beam": None}),
            pytest.raises(UserError, match=r'egsc_tf\[beam\]"`, found no apache_beam'),
        ):
            self.prepared(self.CONFIG, beam_runner="FnApiRunner")


class MnistSingleTest(_Case, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builders.EgscMnistSingle
    SMALL = (write_mnist,)
    SPLITS = {"trainA": TRAIN, "trainB": TRAIN, "testA": TEST, "testB": TEST}
    DL_DOWNLOAD_RESULT = "mnist.npz"
    # Few boxes in few colours: the same image may come twice.
    OVERLAPPING_SPLITS = list(SPLITS)

    def test_translations_are_the_content_in_the_exemplars_colours(self):
        for split, looks in (("testA", 6), ("testB", 2)):
            for example in self.prepared()[split]:
                assert example["right"].shape == (looks, 28, 28, 3)
                ink = example["mask"][..., 0] > 0
                right = example["right"] / 127.5 - 1.0
                label = example["classes"].max()
                for k in range(looks):
                    strokes = example["strokes"][k, label]
                    np.testing.assert_allclose(right[k][ink] - strokes, 0, atol=1e-6)
                    ground = right[k][~ink] - example["ground"][k]
                    np.testing.assert_allclose(ground, 0, atol=1e-6)

    def test_training_examples_have_no_right_answers(self):
        for example in self.prepared()["trainA"]:
            assert len(example["right"]) == len(example["exemplars"]) == 0
            assert set(np.unique(example["image"])) == {0, 255}

    def test_unseen_pairs_makes_high_classes_of_train_b_red_on_green(self):
        found = self.prepared("unseen_pairs")
        for example in found["trainB"]:
            if example["classes"].max() > 4:
                assert example["image"][0, 0].tolist() == [0, 255, 0]
        grounds = {tuple(e["image"][0, 0]) for e in found["testB"]}
        assert len(grounds) > 1


class MnistMultiTest(_Case, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builders.EgscMnistMulti
    SMALL = (write_mnist,)
    SPLITS = {name: n // 10 for name, n in MnistSingleTest.SPLITS.items()}
    DL_DOWNLOAD_RESULT = "mnist.npz"
    OVERLAPPING_SPLITS = list(SPLITS)

    def test_a_board_has_each_class_once(self):
        (example,) = self.prepared()["testA"]
        assert example["image"].shape == (112, 112, 3)
        cells = example["classes"][14::28, 14::28, 0].ravel()
        assert sorted(cells) == [*range(10), *[10] * 6]
        assert example["right"].shape == (2, 112, 112, 3)


class _Gta5Case(_LargeCase):
    def assert_label_maps(self, found, split, categories):
        assert {c for e in found[split] for c in np.unique(e["label_map"])} == set(
            categories
        )
        for example in found[split]:
            assert example["image"].shape == (256, 512, 3)
            assert example["label_map"].shape == (256, 512, 1)


class Gta5BddTest(_Gta5Case, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builders.EgscGta5Bdd
    SMALL = (write_gta5, write_bdd)
    SPLITS = {"trainA": 4, "testA": 1, "trainB": 2, "testB": 1}

    def test_categories_of_the_label_maps(self):
        found = self.prepared()
        # Frames 2 to 5 have label ids 7 and 23, 10, 11, 12; BDD's train id 13 is a car.
        self.assert_label_maps(found, "trainA", {1, 5, 2})
        self.assert_label_maps(found, "testA", {1})
        self.assert_label_maps(found, "trainB", {0, 7})
        (frame_2,) = (e for e in found["trainA"] if e["name"] == b"00002")
        assert (frame_2["label_map"][:128] == 5).all()
        assert (frame_2["label_map"][128:] == 1).all()


class Gta5CityscapesTest(_Gta5Case, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builders.EgscGta5Cityscapes
    SMALL = (write_gta5, write_cityscapes)
    SPLITS = {"trainA": 4, "testA": 1, "trainB": 2, "testB": 1}

    def test_categories_of_the_label_maps(self):
        self.assert_label_maps(self.prepared(), "trainB", {7})


class BddDay2nightTest(_LargeCase, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builders.EgscBddDay2night
    SMALL = (write_bdd_100k,)
    SPLITS = {"trainA": 3, "trainB": 3, "testA": 2, "testB": 2}

    def test_the_attributes_say_what_is_day_and_what_is_night(self):
        for split, examples in self.prepared().items():
            day, part = split[-1] == "A", split[:-1].replace("test", "val")
            prefix = f"{part}-{0 if day else 1}"
            names = [example["name"].decode() for example in examples]
            assert sorted(names) == [f"{prefix}{n}" for n in range(len(names))]
            for example in examples:
                assert example["image"].shape == (256, 512, 3)
                assert (example["image"].mean() > 128) == day


class CamvidTest(_LargeCase, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builders.EgscCamvid
    SMALL = (write_camvid,)
    SPLITS = {"trainA": 8, "trainB": 2, "testA": 4, "testB": 2}

    def test_sequences_make_the_splits_and_colours_the_categories(self):
        found = self.prepared()
        names = {k: sorted(e["name"].decode() for e in v) for k, v in found.items()}
        assert names["trainB"] == ["0001TP_006690", "0001TP_006720"]
        assert names["testB"] == ["0001TP_006750", "0001TP_006780"]
        assert {name[:7] for name in names["testA"]} == {"Seq05VD"}
        assert {name[:6] for name in names["trainA"]} == {"0006R0", "0016E5"}
        (label, *_) = (example["label_map"] for example in found["testA"])
        assert label.shape == (256, 512, 1)
        # The middle: 16 of 24 rows, of which 8 show sky (5) above road (1).
        assert (label[:128] == 5).all()
        assert (label[128:] == 1).all()


class SmallCelebA(tfds.core.GeneratorBasedBuilder):
    """What egsc_celeba_gender reads of celeb_a."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(30, 24, 3)),
            "attributes": {"Male": np.bool_},
        }
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(9), "test": self._generate_examples(4)}

    def _generate_examples(self, count):
        for n in range(count):
            face = {"image": noise(30, 24, seed=n), "attributes": {"Male": n % 3 == 0}}
            yield n, face


class CelebaGenderTest(_LargeCase, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builders.EgscCelebaGender
    SMALL = (write_faces,)
    SPLITS = {"trainA": 2, "trainB": 2, "testA": 2, "testB": 2}
    BUILDER_CONFIG_NAMES_TO_TEST = ["manual"]
    CONFIG = "manual"

    def test_beam_makes_the_same_examples_of_celeb_a(self):
        small = SmallCelebA(data_dir=self.tmp_dir)
        with unittest.mock.patch.object(tfds, "builder", return_value=small):
            self.assert_beam_makes_the_same_examples("celeb_a")
            counts = {split: len(e) for split, e in self.prepared("celeb_a").items()}
        assert counts == {"trainA": 3, "trainB": 6, "testA": 2, "testB": 2}

    def test_celeb_a_is_divided_by_its_attribute(self):
        with tfds.testing.mock_data(num_examples=12):
            celeb_a = tfds.builder("celeb_a", data_dir=self.tmp_dir)
            male = [
                bool(e["attributes"]["Male"]) for e in celeb_a.as_dataset(split="train")
            ]
            builder = self.DATASET_CLASS(data_dir=self.tmp_dir, config="celeb_a")
            counts = [
                sum(1 for _ in builder.of_celeb_a(celeb_a, "train", domain))
                for domain in "ab"
            ]
        assert counts == [sum(male), len(male) - sum(male)]
        assert 0 < sum(male) < len(male)

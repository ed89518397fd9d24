"""The flagfile of a first run: what is looked at, chosen, measured and written."""

import dataclasses
import re
import types

import numpy as np
import pytest
from support.files import save
from support.pictures import noise
from support.programs import program, refusal

from egsc_tf import config as config_lib
from egsc_tf import new
from egsc_tf.errors import OutOfMemory, UserError
from egsc_tf.planning import flagfile, folders, plan, probe
from egsc_tf.planning.probe import Timing
from egsc_tf.runtime import machine

HOUR = 3600.0


def two_folders(root, count=6, sizes=((40, 40), (40, 40)), levels=(60, 60)):
    """trainA and trainB of `count` grainy images each, of a size (h, w) and level."""
    for domain, size, level in zip("AB", sizes, levels):
        (root / f"train{domain}").mkdir(parents=True)
        for n in range(count):
            pixels = level + noise(*size, 3, seed=n + 100 * (domain == "B")) // 4
            save(root / f"train{domain}" / f"{n}.png", pixels.astype(np.uint8))
    return root


def look(**changes):
    """The Look of two large folders of large photos that look alike."""
    one = folders.Domain("DIR/trainA", 5000, ["0.png"], 1000, 1000, False)
    one = dataclasses.replace(one, **changes)
    return folders.Look({"a": one, "b": one}, 0.1, 0.001)


def seconds_by_pixels(config, _look):
    """A machine whose steps take as long as they have pixels: 1 s at 64x64."""
    step = config.height * config.width / 64**2 * config.batch_size / 4
    return Timing(30.0, (step / 2, step), (1.0, 2.0))


def make(of=None, hours=1.0, measure=seconds_by_pixels):
    return plan.make(of or look(), hours * HOUR, "embedded", measure)


@pytest.fixture(autouse=True)
def _no_units_of_16_bits(monkeypatch):
    monkeypatch.setattr(machine, "fast_16_bits", lambda: None)


def test_what_is_seen_in_two_folders(tmp_path):
    two_folders(tmp_path, 5, ((30, 60), (20, 20)))
    (tmp_path / "trainA" / "broken.png").write_bytes(b"no image")
    seen = folders.look(str(tmp_path))
    a, b = seen.domains.values()
    assert (a.count, a.height, a.width) == (6, 30, 60)
    assert (b.count, b.height, b.width) == (5, 20, 20)
    assert len(a.sample) == 5
    assert not a.grey
    text = "\n".join(flagfile.of_images(seen))
    assert "trainA: 6 images, the middle one 60x30 pixels" in text
    assert "fewer than 100" in text
    assert "different shapes" in text


def test_images_without_colours_are_told(tmp_path):
    for domain in "AB":
        (tmp_path / f"train{domain}").mkdir()
        for n in range(3):
            grey = noise(16, 16, 1, seed=n).repeat(3, axis=-1)
            save(tmp_path / f"train{domain}" / f"{n}.png", grey)
    text = "\n".join(flagfile.of_images(folders.look(str(tmp_path))))
    assert text.count("without colours") == 2


def test_a_folder_of_broken_images_is_refused_by_name(tmp_path):
    two_folders(tmp_path, 3)
    for file in (tmp_path / "trainB").iterdir():
        file.write_bytes(b"no image")
    code, output = refusal("new", f"--data_dir={tmp_path}")
    assert code == 2
    assert "trainB: expected at least 2 usable images, found 0" in output
    assert "check_dataset" in output


# Chance alone would make 0.71 and 0.18 of them.
@pytest.mark.parametrize(("count", "most"), [(4, 0.3), (64, 0.1)])
def test_the_difference_is_in_standard_deviations_and_free_of_chance(count, most):
    rng = np.random.default_rng(0)
    shape = (count, 16, 16, 3)
    a, b = rng.normal(100, 20, shape), rng.normal(100, 20, shape)
    assert folders.difference(a, b) < most
    assert folders.difference(a, b + 40) == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (look(), [(64, 64), (96, 96), (128, 128), (192, 192), (256, 256)]),
        (look(height=109, width=89), [(80, 64)]),
        (look(height=40, width=44), [(40, 48)]),
        (look(height=128, width=1000), [(64, 128), (96, 192), (128, 256)]),
    ],
)
def test_sizes_have_the_images_shape_and_are_no_larger(seen, expected):
    assert plan.sizes(seen) == expected


@pytest.mark.parametrize(
    ("hours", "size"), [(0.2, 64), (1, 64), (3, 96), (24, 192), (1000, 256)]
)
def test_the_time_is_filled_with_the_largest_size_that_it_is_enough_for(hours, size):
    made = make(hours=hours)
    assert (made.config.height, made.config.width) == (size, size)
    assert made.config.n_encoder == (2 if size < 96 else 3)
    assert made.seconds <= hours * HOUR
    if hours <= 24:
        assert made.seconds > 0.9 * hours * HOUR
    else:
        assert made.steps <= plan.MOST_STEPS
    enough = made.steps >= plan.steps_wanted((size, size))
    assert enough == (hours >= 1)
    assert any("should have" in line for line in flagfile.of_plan(made)) != enough


@pytest.mark.parametrize("hours", [0.05, 0.1, 0.4])
def test_the_hours_that_are_advised_are_what_it_takes(hours):
    made = make(hours=hours)
    told = next(line for line in flagfile.of_plan(made) if "should have" in line)
    advised = float(re.search(r"--hours=([\d.]+)", told)[1])
    assert make(hours=advised).steps >= made.wanted
    assert make(hours=advised - 0.2).steps < made.wanted


def test_a_time_that_is_too_short_is_told_and_takes_the_fewest_steps(caplog):
    least = make(hours=0.01)
    assert least.steps == plan.FEWEST_STEPS
    enough = float(re.search(r"too short: the least is (\d+\.\d+)", caplog.text)[1])
    assert least.seconds == pytest.approx(3600 * enough, abs=60)
    caplog.clear()
    assert make(hours=enough).steps >= plan.FEWEST_STEPS
    assert "too short" not in caplog.text


def test_images_that_cannot_be_used_are_told_and_left_out(tmp_path):
    two_folders(tmp_path, 3)
    whole = folders.look(str(tmp_path))
    bad = tmp_path / "trainB" / "not_one.jpg"
    bad.write_bytes(b"no image")
    seen = folders.look(str(tmp_path))
    (line,) = (
        {*flagfile.of_images(seen)}
        - {*flagfile.of_images(whole)}
        - {
            line
            for line in flagfile.of_images(seen)
            if "images, the middle one" in line
        }
    )
    count = seen.domains["b"].count
    assert f"1 of {count} looked at cannot be used; --on_bad_image=skip" in line
    assert str(bad) in line
    for look, expected in ((whole, "stop"), (seen, "skip")):
        flags = new.Flags(data_dir=str(tmp_path))
        text = flagfile.text(make(look), look, flags)
        assert f"--on_bad_image={expected}\n" in text


def test_a_batch_that_does_not_fit_is_halved_and_a_size_that_does_not_is_left_out():
    def small(config, seen):
        if config.height * config.width * config.batch_size > 2 * 64**2:
            raise OutOfMemory("too little")
        return seconds_by_pixels(config, seen)

    made = make(hours=100, measure=small)
    assert (made.config.height, made.config.batch_size) == (64, 2)

    def none(config, seen):
        raise OutOfMemory("too little")

    with pytest.raises(OutOfMemory):
        make(measure=none)


def test_what_this_machine_does_not_run_is_left_out(monkeypatch):
    monkeypatch.setattr(machine, "fast_16_bits", lambda: "mixed_bfloat16")

    def measure(config, seen):
        if config.mixed_precision != "float32" or config.height > 64:
            raise UserError("no such kernel")
        return seconds_by_pixels(config, seen)

    made = make(hours=100, measure=measure)
    assert (made.config.height, made.config.mixed_precision) == (64, "float32")


def test_a_batch_is_no_larger_than_a_folder():
    assert make(look(count=3)).config.batch_size == 3


@pytest.mark.parametrize("faster", [True, False])
def test_16_bits_are_taken_where_they_are_measured_to_be_faster(monkeypatch, faster):
    monkeypatch.setattr(machine, "fast_16_bits", lambda: "mixed_bfloat16")

    def measure(config, seen):
        timing = seconds_by_pixels(config, seen)
        if config.mixed_precision == "float32" or not faster:
            return timing
        return dataclasses.replace(timing, steps=tuple(s / 2 for s in timing.steps))

    chosen = make(measure=measure).config.mixed_precision
    assert chosen == ("mixed_bfloat16" if faster else "float32")


@pytest.mark.parametrize(("count", "augments"), [(1999, True), (2000, False)])
def test_discriminators_of_few_images_see_augmented_ones(count, augments):
    one = look()
    one.domains["b"] = dataclasses.replace(one.domains["b"], count=count)
    made = make(one)
    assert made.config.diff_augment is augments
    flags = types.SimpleNamespace(
        data_dir="DIR", recursive=False, hours=1, output="mine.flags"
    )
    text = flagfile.text(made, one, flags)
    assert f"--diff_augment={augments}" in text
    assert f"the smaller one has {count:,}." in text


@pytest.mark.parametrize(("difference", "twins"), [(0.1, True), (1.8, False)])
def test_domains_that_look_alike_start_as_twins(difference, twins):
    made = make(dataclasses.replace(look(), difference=difference))
    assert made.config.twin_start is twins


@pytest.mark.parametrize("hours", [0.3, 30])
def test_the_flagfile_is_the_run_that_was_planned(tmp_path, hours):
    seen = look(count=20)
    made = make(seen, hours)
    path = tmp_path / "mine.flags"
    flags = types.SimpleNamespace(
        data_dir=str(tmp_path), recursive=True, hours=hours, output=str(path)
    )
    path.write_text(flagfile.text(made, seen, flags))
    expected = dataclasses.replace(made.config, data_dir=str(tmp_path), recursive=True)
    assert config_lib.read(str(path)) == expected
    assert "about" in path.read_text()


def test_a_flagfile_is_not_replaced(tmp_path):
    (tmp_path / "mine.flags").write_text("mine")
    code, output = refusal(
        "new", f"--data_dir={tmp_path}", f"--output={tmp_path / 'mine.flags'}"
    )
    assert code == 2
    assert "mine.flags: expected a new file" in output
    assert (tmp_path / "mine.flags").read_text() == "mine"


@pytest.mark.slow
def test_a_run_is_measured_on_links_to_the_sample(tmp_path):
    two_folders(tmp_path)
    config = config_lib.Config(
        dataset="folder",
        height=16,
        width=16,
        n_encoder=1,
        n_res=1,
        n_dis=2,
        ngf=4,
        ndf=4,
        batch_size=2,
        g_update=1,
        perceptual_network="embedded",
    )
    seen = folders.look(str(tmp_path))
    timing = probe.measure(config, seen)
    assert timing.start > 1
    assert all(0 < step < timing.start for step in timing.steps)
    longer = dataclasses.replace(config, mask_steps=1000, total_steps=1000)
    steps = timing.total(longer) - timing.total(config)
    assert steps < 0  # the Config's own default is 60,000 steps of each stage
    with pytest.raises(UserError, match="measure them: .*no_such_file.h5"):
        probe.measure(
            dataclasses.replace(config, perceptual_network="no_such_file.h5"), seen
        )


@pytest.mark.slow
def test_what_is_written_trains(tmp_path):
    two_folders(tmp_path / "photos", 8, ((32, 48), (32, 48)), (20, 160))
    written = tmp_path / "mine.flags"
    code, output = program(
        "new",
        f"--data_dir={tmp_path / 'photos'}",
        "--hours=0.05",
        f"--output={written}",
        "--perceptual_network=embedded",
    )
    assert code == 0, output
    assert "look different" in output
    run = tmp_path / "run"
    code, output = program("train", f"--flagfile={written}", f"--workdir={run}")
    assert code == 0, output
    config = config_lib.load(str(run))
    assert (config.height, config.width, config.batch_size) == (32, 48, 4)
    assert not config.twin_start

"""The benchmark: what it measures adds up, and how it compares two runs."""

import dataclasses
import json

import pytest
import tensorflow as tf
from support import formula
from support.programs import program

from egsc_tf import benchmark
from egsc_tf.benchmarking import clock, parts, peak, start, summary
from egsc_tf.config import Config
from egsc_tf.errors import UserError
from egsc_tf.runtime import memory
from egsc_tf.runtime.keras import keras

TINY = Config(
    height=16,
    width=16,
    n_encoder=2,
    n_res=1,
    n_dis=2,
    ngf=4,
    ndf=4,
    batch_size=2,
    g_update=1,
    perceptual_network="embedded",
)


@pytest.fixture
def small_peak(monkeypatch):
    monkeypatch.setattr(peak, "MATMULS", (64,))
    monkeypatch.setattr(peak, "CONVOLUTIONS", ((1, 16, 8),))
    monkeypatch.setattr(peak, "SECONDS", 0.0)


def measured(config, *what):
    settings = benchmark.Settings(what=what, synthetic=True, seconds=0.0)
    return benchmark.benchmark(config, settings)


def test_a_benchmark_adds_up(small_peak):
    config = dataclasses.replace(TINY, fused_update=True)
    found = measured(config, "train", "translate", "input")
    step = found["train"]
    assert step["flops"] == pytest.approx(formula.training_step(config), rel=0.02)
    seconds = step["step"]["median_s"]
    assert step["images_per_s"] == pytest.approx(config.batch_size / seconds)
    assert step["gflops"] == pytest.approx(step["flops"] / seconds / 1e9)
    assert step["share_of_peak"] == step["gflops"] / step["peak_gflops"]
    assert 0.0 < step["input_stall"] < 1.0
    shares = {part: spent["share"] for part, spent in step["time_by_part"].items()}
    assert sum(shares.values()) == pytest.approx(1.0)
    networks = {"E", "G", "D", "VGG"}
    assert {*networks, "F", "optimizer", parts.REST} < set(shares)
    assert {f"{name} backward" for name in networks} < set(shares)
    assert "F backward" not in shares  # it is frozen
    one, batch = found["translate"]["one"], found["translate"]["batch"]
    assert one["images"] == 1
    assert batch["images"] == config.batch_size
    per_image = found["translate"]["flops"]
    by_hand = formula.translation(config, config.height, config.width)
    assert per_image == pytest.approx(by_hand, rel=0.02)
    assert batch["gflops"] * batch["median_s"] * 1e9 == pytest.approx(2 * per_image)
    assert found["synthetic"] is True
    assert found["flags"]["ngf"] == 4
    assert "seed" not in found["flags"]  # has its default
    assert found["input"]["cpu_s_per_image"] > 0.0
    text = summary.summary(json.loads(json.dumps(found)))
    assert "GFLOP/s" in text
    assert "ms of CPU an image" in text
    assert "% G backward" in text


@pytest.mark.slow
def test_replicas_are_mirrored_in_a_program_of_their_own(tmp_path):
    flags = [f"--{name}={getattr(TINY, name)}" for name in ("height", "width", "ngf")]
    flags += [
        "--n_encoder=2",
        "--n_res=1",
        "--n_dis=2",
        "--ndf=4",
        "--batch_size=2",
        "--g_update=1",
    ]
    flags += ["--perceptual_network=embedded", "--synthetic", "--seconds=0.1"]
    path = tmp_path / "found.json"
    code, output = program(
        "benchmark", *flags, "--what=train", "--replicas=2", f"--json={path}"
    )
    assert code == 0, output
    found = json.loads(path.read_text())
    assert found["machine"]["replicas"] == 2
    assert found["train"]["step"]["median_s"] > 0.0


@pytest.mark.slow
def test_a_compiled_step_is_measured_as_well(small_peak):
    config = dataclasses.replace(TINY, jit_compile="on")
    found = measured(config, "train", "input")
    step = found["train"]
    assert step["flops"] == pytest.approx(formula.training_step(config), rel=0.02)
    assert step["step"]["median_s"] > 0.0
    assert step["time_by_part"] == {}
    text = summary.summary(json.loads(json.dumps(found)))
    assert "time by part: not known of a step that XLA compiles" in text
    assert found["flags"]["jit_compile"] == "on"


def test_operations_belong_to_the_papers_networks():
    for name, part in {
        "E_a/leaky_conv/Conv2D": "E",
        "E_a_1/leaky_conv/Conv2D": "E",
        "S_g/add": "G",
        "gradient_tape/G_b_2/residual_block/Conv2DBackpropInput": "G backward",
        "gradient_tape/phi/block1_conv1/Conv2DBackpropInput": "VGG backward",
        "D_a/conv2d/Conv2D": "D",
        "optimizer_g/Adam/AssignAdd": "optimizer",
        "ema/AssignVariableOp": "optimizer",
        "gradient_tape/Mul": parts.REST,
        "moments/mean": parts.REST,
    }.items():
        assert parts.part_of(name) == part, name


def test_clock_leaves_the_warm_up_out():
    calls = []
    times = clock.measure(lambda: calls.append(None), 0.0, warm_up=4)
    assert len(calls) == 4 + clock.FEWEST
    assert len(times.seconds) == clock.FEWEST


def test_times_report_median_and_quartiles():
    report = clock.Times((5.0, 1.0, 2.0, 4.0, 3.0)).report()
    assert report["median_s"] == 3.0
    assert report["calls"] == 5
    low, high = report["quartiles_s"]
    assert 1.0 <= low < 3.0 < high <= 5.0


def test_the_peak_is_asked_between_calls_and_outlasts_a_slow_moment(monkeypatch):
    monkeypatch.setattr(clock, "PEAK_EVERY", 0.0)
    order, rates = [], iter((100.0, 40.0, 100.0, 100.0))

    def peak():
        order.append("peak")
        return next(rates)

    times = clock.measure(lambda: order.append("call"), 0.0, 1, peak)
    assert order == ["call", *["peak", "call"] * 3, "peak"]
    rate = dataclasses.replace(times, seconds=(2.0, 1.0, 3.0)).rate(150e9)
    assert rate == {"gflops": 75.0, "peak_gflops": 100.0, "share_of_peak": 0.75}


def test_two_results_are_compared_by_ratios():
    old = {"train": {"step": {"median_s": 2.0}, "calls": 4}, "translate": {"x": 1.0}}
    new = {"train": {"step": {"median_s": 1.0}, "calls": 4}, "synthetic": True}
    assert summary.compare(new, old) == {"train/step/median_s": 0.5, "train/calls": 1.0}


def test_peak_memory_is_that_of_the_call():
    if memory.resident_bytes() is None:
        pytest.skip("memory is read from /proc, which this system does not have")
    size = 2**26
    _, before, most = memory.peak_bytes(lambda: b"x" * size)
    assert before + size / 2 < most


def test_no_memory_where_its_peak_cannot_be_reset(monkeypatch, tmp_path):
    (tmp_path / "status").write_text("VmRSS:  7 kB\nVmHWM:  9 kB\n")
    (tmp_path / "clear_refs").mkdir()  # cannot be written
    monkeypatch.setattr(memory, "PROCESS", str(tmp_path))
    assert memory.resident_bytes() == 7 * 1024
    assert memory.peak_bytes(lambda: 7) == (7, None, None)


def test_the_peak_is_of_the_type_that_the_networks_compute_in(monkeypatch):
    monkeypatch.setattr(peak, "MATMULS", (8,))
    monkeypatch.setattr(peak, "CONVOLUTIONS", ((1, 4, 2),))
    monkeypatch.setattr(peak, "SECONDS", 0.0)
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        found = peak.Peak()
    finally:
        keras.mixed_precision.set_global_policy(policy)
    assert found.rates["dtype"] == "bfloat16"
    assert found() > 0
    assert peak.Peak().rates["dtype"] == "float32"


def test_what_is_measured_and_what_with_are_checked(tmp_path):
    broken = tmp_path / "old.json"
    broken.write_text("{")
    other = tmp_path / "bench.json"
    other.write_text('{"loads": []}')
    for what, vs, message in (
        (("train",), str(other), "--vs=.*bench.json: expected what --json wrote"),
        (("trian",), "", "--what: expected some of train"),
        (("train",), str(broken), "--vs=.*expected what --json wrote"),
    ):
        with pytest.raises(UserError, match=message):
            benchmark.main(Config(), benchmark.Settings(what=what, vs=vs))


@pytest.mark.parametrize("what", ["start", "train"])
def test_data_that_are_missing_are_known_before_anything_is_measured(what, tmp_path):
    config = Config(dataset="folder", data_dir=str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"^\S*none/trainA: expected a folder"):
        benchmark.benchmark(config, benchmark.Settings(what=(what,)))


def test_what_a_process_says_at_its_end_is_all_that_is_told(tmp_path):
    arguments = [str(tmp_path / "run.flags"), str(tmp_path), str(tmp_path / "marks")]
    with pytest.raises(UserError, match=r"^--what=start: egsc_tf\S* ended: /") as found:
        start._process("egsc_tf.benchmarking.start", *arguments)
    assert "UserError" not in str(found.value)


def test_synthetic_images_are_images():
    image = benchmark.Synthetic(12, 20).image("a", 0, tf.constant([1, 2], tf.int64))
    assert image.shape == (12, 20, 3)
    assert float(tf.reduce_max(tf.abs(image))) <= 1.0


@pytest.mark.slow
def test_the_start_is_that_of_the_programs(small_peak, monkeypatch):
    monkeypatch.setattr(start, "TIMES", 1)
    found = measured(TINY, "start")["start"]
    phases = found["train"]["phases_s"]
    assert list(phases) == [
        "imports",
        *(f"{name} of stage 1" for name in ("images and networks", "first step")),
        *(f"{name} of stage 2" for name in ("images and networks", "first step")),
    ]
    until = sum(list(phases.values())[:3])
    assert found["train"]["seconds"] == pytest.approx(until)
    least = found["tensorflow"]
    for name in ("train", "translate"):
        assert found[name]["seconds"] > 0.5 * least["seconds"]
        assert found[name]["peak_memory_bytes"] > 0.9 * least["peak_memory_bytes"]


def test_a_program_that_fails_to_start_is_named():
    with pytest.raises(UserError, match=r"json\.tool ended: .*No such"):
        start._process("json.tool", "no_such_file")


def test_the_memory_of_a_start_is_its_own():
    held = bytearray(2**28)  # of the parent: not counted
    assert start._process("json")["peak_memory_bytes"] < len(held)

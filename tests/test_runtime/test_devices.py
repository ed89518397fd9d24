"""What a run computes on is chosen, told, and explained where it cannot."""

import dataclasses

import pytest
import tensorflow as tf
from support.trainers import RUN, batches, prepared

from egsc_tf import losses
from egsc_tf.errors import OutOfMemory, UserError
from egsc_tf.runtime import devices
from egsc_tf.training import run as train_lib

# What TensorFlow 2.15's library says of operations without a deterministic kernel: for
# GPUs, but for Dilation2D and MaxPoolGradWithArgmax, which have none anywhere.
NOT_DETERMINISTIC = {
    "AdjustContrast",
    "AdjustContrastv2",
    "Bincount",
    "CropAndResizeGradBoxes",
    "CropAndResizeGradImage",
    "DebugNumericSummaryV2",
    "DenseBincount",
    "Dilation2DBackpropFilter",
    "Dilation2DBackpropInput",
    "FakeQuantWithMinMaxVarsGradient",
    "FakeQuantWithMinMaxVarsPerChannelGradient",
    "FusedBatchNormGradV3",
    "MaxPoolGradWithArgmax",
    "ResizeNearestNeighborGrad",
    "ScatterAdd",
    "ScatterSub",
    "ScatterUpdate",
    "SegmentSum",
    "SoftmaxCrossEntropyWithLogits",
    "SparseSoftmaxCrossEntropyWithLogits",
    "SparseTensorDenseMatMul",
    "Svd",
    "UnsortedSegmentSum",
    # Run on the CPU instead, or in an order that varies.
    "DepthwiseConv2dNativeBackpropFilter",
    "ScatterNd",
    "TensorScatterAdd",
    "TensorScatterUpdate",
}


@pytest.mark.parametrize(
    ("stage", "change"),
    [
        (1, {}),
        pytest.param(
            2,
            {"style_loss": "gram", "flip": True, "colour_jitter": 0.2},
            marks=pytest.mark.slow,
        ),
        (
            2,
            {
                "content_view": "recoloured",
                "crop": True,
                "upsample": "resize",
                "n_encoder": 2,
                "style_code": "encoder",
                "gradient_checkpointing": True,
                "diff_augment": True,
                "discriminator_form": "release",
                "adain_form": "release",
            },
        ),
    ],
)
def test_no_operation_of_a_step_lacks_a_deterministic_kernel(stage, change):
    config = dataclasses.replace(RUN, **change)
    batch = batches(config, 1, 1)[0]
    trainer = prepared(stage, config, batch)
    concrete = tf.function(trainer.train_step).get_concrete_function(batch)
    graph = concrete.graph.as_graph_def()
    kinds = {node.op for node in graph.node}
    kinds |= {node.op for f in graph.library.function for node in f.node_def}
    assert {"Conv2D", "Conv2DBackpropFilter", "ResourceApplyAdam"} <= kinds
    assert not kinds & NOT_DETERMINISTIC


@pytest.fixture
def with_gpu(monkeypatch):
    """This machine, as if TensorFlow saw a GPU."""
    monkeypatch.setattr(devices, "has_gpu", lambda: True)


def choices(**flags):
    config = dataclasses.replace(RUN, **flags)
    return devices.uses_xla(config), devices.is_deterministic(config)


def test_on_a_cpu_a_run_is_deterministic_and_not_compiled():
    assert choices() == (False, True)
    assert choices(jit_compile="on", deterministic="off") == (True, False)


def test_with_a_gpu_a_run_is_compiled_and_not_deterministic(with_gpu):
    assert choices() == (True, False)
    assert choices(jit_compile="off", deterministic="on") == (False, True)


def test_where_xla_cannot_compile_for_the_gpu_it_is_left_out_with_a_word(
    with_gpu, monkeypatch, caplog
):
    def without_libdevice(x):
        raise tf.errors.InternalError(None, None, "libdevice not found at ./libdevice")

    monkeypatch.setattr(tf, "function", lambda *args, **kwargs: without_libdevice)
    assert choices() == (False, False)
    assert "--jit_compile=auto: XLA cannot compile for this GPU" in caplog.text
    assert "libdevice not found" in caplog.text


def test_a_gpu_that_tensorflow_does_not_see_is_told(tmp_path, monkeypatch, caplog):
    monkeypatch.delenv(devices.HIDING, raising=False)
    devices.warn_of_unseen_gpu(str(tmp_path))
    assert caplog.text == ""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidiactl").touch()
    devices.warn_of_unseen_gpu(str(tmp_path))
    assert caplog.text == ""
    (tmp_path / "dev" / "nvidia0").touch()
    monkeypatch.setenv(devices.HIDING, "-1")  # hidden on purpose
    devices.warn_of_unseen_gpu(str(tmp_path))
    assert caplog.text == ""
    monkeypatch.delenv(devices.HIDING)
    devices.warn_of_unseen_gpu(str(tmp_path))
    assert "dev/nvidia0" in caplog.text
    assert f"pip install 'tensorflow[and-cuda]=={tf.__version__}'" in caplog.text


def test_the_devices_are_told_in_one_line(monkeypatch, caplog, tmp_path):
    strategy, enabled = tf.distribute.get_strategy(), []
    monkeypatch.setattr(
        tf.config.experimental, "enable_op_determinism", lambda: enabled.append(True)
    )
    for flag, count in (("off", 0), ("auto", 1), ("on", 2)):
        caplog.clear()
        with caplog.at_level("INFO", logger="absl"):
            config = dataclasses.replace(RUN, deterministic=flag)
            assert devices.set_up(config, strategy) is False
        (line,) = (r.message for r in caplog.records)
        assert line.startswith("computing on the CPU (")
        word = "on" if count else "off"
        assert line.endswith(f"float32, XLA off, deterministic operations {word}")
        assert len(enabled) == count
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [0, 1])
    monkeypatch.setenv("PATH", str(tmp_path))
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 81920\necho 81920\n")
    tool.chmod(0o755)
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda device: {"device_name": f"NVIDIA H{device}"},
    )
    assert devices.described(strategy) == "2 GPUs (NVIDIA H0, NVIDIA H1; 80.0 GiB each)"
    tool.unlink()
    assert devices.described(strategy) == "2 GPUs (NVIDIA H0, NVIDIA H1)"


def test_advice_leaves_out_what_is_on_already():
    told = devices.advice(RUN)
    assert "--gradient_checkpointing" in told
    assert "--mixed_precision" in told
    config = dataclasses.replace(
        RUN, gradient_checkpointing=True, mixed_precision="mixed_float16"
    )
    assert devices.advice(config) == (
        "A new --workdir may have a smaller --batch_size (4 now)"
    )


@pytest.mark.parametrize(
    "compiles", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_too_little_memory_ends_in_a_line_with_the_flags_that_help(
    compiles, tmp_path, monkeypatch
):
    l1_loss, calls = losses.l1_loss, []

    def with_too_much(x, y):
        if x.shape[0] == 1 or calls:  # before the first step; each try waits 10 s
            return l1_loss(x, y)
        calls.append(1)
        # 128 TiB; of the values, so that no optimizer makes a constant of it.
        column = tf.fill([2**23, 1], tf.reduce_mean(x - y))
        row = tf.fill([1, 2**22], y[0, 0, 0, 0])
        return l1_loss(x, y) + tf.stop_gradient(tf.reduce_max(column + row))

    monkeypatch.setattr(losses, "l1_loss", with_too_much)
    config = dataclasses.replace(RUN, jit_compile="on" if compiles else "off")
    told = "--batch_size .4 now.* --mixed_precision.* --gradient_checkpointing"
    with pytest.raises(OutOfMemory, match=told) as found:
        train_lib.train(config, str(tmp_path / "run"))
    assert "\n" not in str(found.value)
    assert "llocat" in str(found.value)  # TensorFlow's own line


def test_an_operation_without_a_deterministic_form_names_the_flag():
    tf.config.experimental.enable_op_determinism()

    @tf.function(jit_compile=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.max_pool2d(x, 2, 2, "VALID")
        return tape.gradient(y, x)

    told = "^--deterministic=auto: expected .*--deterministic=off.* MaxPool"
    with pytest.raises(UserError, match=told), devices.explaining(RUN):
        gradient(tf.zeros([1, 4, 4, 1]))


def test_other_errors_stay_what_they_are():
    with pytest.raises(tf.errors.InvalidArgumentError), devices.explaining(RUN):
        raise tf.errors.InvalidArgumentError(None, None, "shapes do not match")

"""A benchmark's numbers as text, and against those of another run."""

from egsc_tf.runtime.counted import counted

GIBIBYTE = 2**30


def numbers(found, path=""):
    """{"train/step/median_s": ...}: the nested numbers of a result, flat."""
    flat = {}
    for key, value in found.items():
        if isinstance(value, dict):
            flat.update(numbers(value, f"{path}{key}/"))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            flat[path + key] = value
    return flat


def compare(new, old):
    """{name: new / old} of the numbers that both results have."""
    new, old = numbers(new), numbers(old)
    return {k: new[k] / old[k] for k in new if k in old and old[k]}


def summary(found):
    """The result as lines of text."""
    peak = found["peak"]
    lines = [
        f"{found['machine']['processor']}, "
        f"{counted(found['machine']['cores'], 'core')}, "
        f"{counted(len(found['machine']['gpus']), 'GPU')}: convolution "
        f"{peak['convolution_gflops']:.0f}, matmul {peak['matmul_gflops']:.0f} GFLOP/s "
        f"({peak['dtype']})"
    ]
    if "train" in found:
        one = found["train"]
        lines += [
            f"train: {_time(one['step'])} a step, {one['images_per_s']:.2f} images/s "
            f"of each domain in G's batches, {_rate(one)}",
            f"  {one['flops'] / 1e9:.2f} GFLOP a step, {_memory(one)}, input stall "
            f"{100 * one['input_stall']:.1f} % of the step",
        ]
        if not one["time_by_part"]:
            lines.append("  time by part: not known of a step that XLA compiles")
        for part, spent in one["time_by_part"].items():
            lines.append(f"  {100 * spent['share']:5.1f} % {part}")
    if "translate" in found:
        for name in ("one", "batch"):
            one = found["translate"][name]
            lines.append(
                f"translate {one['images']}: {_time(one)}, {one['images_per_s']:.2f} "
                f"images/s, {_rate(one)}, {_memory(one)}"
            )
        stored = found["translate"]["one_with_stored_style"]
        lines.append(f"translate 1 in a stored style: {_time(stored)}")
    if "input" in found:
        one = found["input"]
        lines.append(
            f"input alone: {_time(one)} for a step, {one['images_per_s']:.0f} images/s "
            f"of both domains, D's and G's, {1e3 * one['cpu_s_per_image']:.2f} ms of "
            "CPU an image"
        )
    if "export" in found:
        lines += [f"{k}, 1 image: {_time(v)}" for k, v in found["export"].items()]
    for name, one in found.get("start", {}).items():
        until = {"train": "until its first step"}.get(name, "from start to end")
        lines.append(f"{name}: {one['seconds']:.1f} s {until}, {_memory(one)}")
        for phase, seconds in one.get("phases_s", {}).items():
            lines.append(f"  {seconds:5.1f} s {phase}")
    return "\n".join(lines)


def _time(one):
    low, high = one["quartiles_s"]
    return (
        f"{1e3 * one['median_s']:.1f} ms ({1e3 * low:.1f} to {1e3 * high:.1f}, "
        f"{counted(one['calls'], 'time')})"
    )


def _rate(one):
    return (
        f"{one['gflops']:.1f} GFLOP/s, {100 * one['share_of_peak']:.0f} % of a peak of "
        f"{one['peak_gflops']:.0f}"
    )


def _memory(one):
    if one["peak_memory_bytes"] is None:
        return "memory not known"
    return f"{one['peak_memory_bytes'] / GIBIBYTE:.2f} GiB at most"

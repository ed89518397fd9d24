"""Which flags of a run have an effect in the benchmarks."""

from egsc_tf.runtime.flags import Use

# What is not measured, and what says which images are read.
SCHEDULE = ("mask_steps", "total_steps", "mask_learning_rate", "log_every")
SCHEDULE += ("sample_every", "checkpoint_every", "keep_checkpoints")
DATA = ("dataset", "data_dir", "manual_dir", "split_a", "split_b", "digits")
DATA += ("polarity", "unseen_pairs", "on_bad_image", "cache_gib", "recursive")
DATA += ("cache_dir",)
READ_BY = ("train", "input", "start")  # of --what


def _reads_data(synthetic, what):
    return not synthetic and bool({*READ_BY} & {*what})


_NEVER = Use((), "egsc_tf.train", lambda: False)
_ON_IMAGES = Use(
    ("synthetic", "what"),
    f"--nosynthetic and --what with {' or '.join(READ_BY)}",
    _reads_data,
)
_NOT_ON_NOISE = Use((), "egsc_tf.benchmark, as images are noise here", lambda: False)

OF_BENCHMARK = {
    **dict.fromkeys(SCHEDULE, _NEVER),
    **dict.fromkeys(DATA, _ON_IMAGES),
}
OF_GROWTH = {
    **dict.fromkeys(SCHEDULE, _NEVER),
    **dict.fromkeys(DATA, _NOT_ON_NOISE),
}

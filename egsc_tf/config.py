"""Every flag of a run, and the frozen dataclass that the flags become.

A field of `Config` is a flag of the same name: its default, its help text and its
bounds stand here and nowhere else. All modules take a `Config` or plain arguments, as
`egsc_tf.runtime.flags` says. A run keeps its flags in WORKDIR/run.flags, a flagfile
like any other. A field that `may_change` may do so between two starts of one run.
"""

import dataclasses
import os
from typing import Any, ClassVar

from absl import flags

from egsc_tf.errors import UserError
from egsc_tf.runtime import flagfiles, paths
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import Use, check, define, parse, setting, settings_of

RUN_FLAGS = "run.flags"
DATASETS = ("digits_single", "digits_multi", "folder", "official_records")
# What --perceptual_network may be beside a path.
IMAGENET, EMBEDDED = "imagenet", "embedded"


def _is_digits(dataset: str) -> bool:
    return dataset.startswith("digits_")


def _is_tfds(dataset: str) -> bool:
    return dataset.startswith("tfds:")


def _which_data_set(data_dir: str) -> str:
    """What to add to a --data_dir that is not used, from what lies there."""
    above, name = os.path.split(os.path.abspath(data_dir))
    for place, told in (
        (data_dir, "It has trainA and trainB: add --dataset=folder"),
        (above, f"Photos? Add --dataset=folder --data_dir={above}"),
    ):
        folders = [os.path.join(place, each) for each in ("trainA", "trainB")]
        is_one = place != above or os.path.join(above, name) in folders
        if is_one and all(map(os.path.isdir, folders)):
            return f". {told}"
    return ". For MNIST's digits: add --digits=mnist" * data_dir.endswith(".npz")


_OF_DIGITS = Use(("dataset",), "--dataset=digits_single or digits_multi", _is_digits)
_OF_FILES = Use(
    ("dataset",),
    "--dataset=folder, official_records or tfds:NAME",
    lambda dataset: not _is_digits(dataset),
)
_WITH_PERCEPTUAL = Use(
    ("style_weight", "content_weight"),
    "--style_weight or --content_weight above 0",
    lambda *weights: max(weights) > 0,
)
_PERCEPTUAL_SCALES = (1.0, 0.5, 0.25)
_WITH_NOISE = Use(("latent_noise",), "--latent_noise above 0", lambda noise: noise > 0)


@dataclasses.dataclass(frozen=True)
class Config:
    """The settings of a run. Raises UserError, naming the flag, for a bad value.

    config = egsc_tf.Config(dataset="folder", data_dir="photos", ngf=32)
    longer = dataclasses.replace(config, total_steps=120_000)
    """

    # {the first flag of a group: what --help calls the group}.
    GROUPS: ClassVar[dict[str, str]] = {
        "dataset": "Data",
        "ngf": "Networks",
        "adv_weight": "Losses",
        "seed": "Schedule",
        "log_every": "Book-keeping",
    }

    # Data.
    dataset: str = setting(
        "digits_single",
        "Images to train on: digits_single, digits_multi, folder, official_records "
        "(the authors' TFRecords) or tfds:NAME[/CONFIG].",
        common=True,
    )
    data_dir: str = setting(
        "",
        "dataset=folder: the folder with trainA, trainB, testA, testB. "
        "official_records: of the .tfrecord files. tfds: TFDS' data folder. "
        "digits=mnist: a local mnist.npz, or TFDS' data folder.",
        may_change=True,
        path=paths.READ,
        use=Use(
            ("dataset", "digits"),
            "--dataset=folder, official_records or tfds:NAME, or --digits=mnist",
            lambda dataset, digits: not _is_digits(dataset) or digits == "mnist",
            _which_data_set,
        ),
        common=True,
    )
    recursive: bool = setting(
        False,
        "dataset=folder: also the images in subfolders of trainA, trainB, testA and "
        "testB.",
        use=Use(("dataset",), "--dataset=folder", "folder".__eq__),
    )
    manual_dir: str = setting(
        "",
        "dataset=tfds: folder of files that TFDS cannot download; empty: its default.",
        may_change=True,
        path=paths.READ,
        use=Use(("dataset",), "--dataset=tfds:NAME", _is_tfds),
    )
    split_a: str = setting(
        "",
        "dataset=tfds: domain A as [BUILDER:]SPLIT, where {split} stands for train or "
        "test; empty: the splits trainA and testA.",
    )
    split_b: str = setting("", "dataset=tfds: domain B, likewise.")
    digits: str = setting(
        "uci",
        "Handwriting of the digits data sets: scikit-learn's embedded UCI digits, or "
        "MNIST from --data_dir or TFDS.",
        choices=("uci", "mnist"),
        use=_OF_DIGITS,
    )
    polarity: str = setting(
        "both",
        "digits: domain A shows black on white and white on black, or one of them.",
        choices=("both", "black_on_white", "white_on_black"),
        use=_OF_DIGITS,
    )
    unseen_pairs: bool = setting(
        False,
        "digits_single: classes above 4 of the training split of domain B are always "
        "red on green (the release's rule, to show transfer to unseen pairs).",
        use=Use(("dataset",), "--dataset=digits_single", "digits_single".__eq__),
    )
    height: int = setting(32, "Image height in pixels.", least=8, common=True)
    width: int = setting(32, "Image width in pixels.", least=8, common=True)
    flip: bool = setting(False, "Augmentation: horizontal flip, probability 0.5.")
    crop: bool = setting(
        False, "Augmentation: 80-100 % crop, scaled back, probability 0.5."
    )
    colour_jitter: float = setting(
        0.0,
        "Augmentation: largest relative change of brightness, contrast and "
        "saturation; 0 is off.",
        least=0.0,
        most=1.0,
    )
    content_view: str = setting(
        "same",
        "What content encoder and mask see while training: the image itself (the "
        "paper), or a recoloured view of it whose colours tell nothing about the "
        "original (channels permuted, maybe inverted).",
        choices=("same", "recoloured"),
    )
    on_bad_image: str = setting(
        "stop",
        "An image that does not decode stops the run when it comes up, or is named "
        "and left out: the next good one takes its place.",
        choices=("stop", "skip"),
        may_change=True,
        use=_OF_FILES,
    )
    cache_gib: float = setting(
        2.0,
        "How many GiB of decoded images are kept in memory, at most. Where all of them "
        "take more, each domain keeps the same share.",
        least=0.0,
        may_change=True,
        use=_OF_FILES,
    )
    cache_dir: str = setting(
        "",
        "Folder where decoded images are kept between runs, at the size of training; "
        "several runs may share it. Empty: nowhere.",
        path=paths.FOLDER,
        may_change=True,
        use=_OF_FILES,
    )

    # Networks (DESIGN of the paper: section 3.1 and appendix A).
    ngf: int = setting(
        64, "Channels of the first generator convolution.", least=1, common=True
    )
    ndf: int = setting(64, "Channels of the first discriminator convolution.", least=1)
    n_encoder: int = setting(
        3, "Convolutions before the residual blocks.", least=1, most=6
    )
    n_res: int = setting(
        3,
        "Residual blocks of each encoder and each decoder. The paper has 3; fewer take "
        "less time and memory and see less around a pixel.",
        least=1,
        most=9,
    )
    n_dis: int = setting(4, "Halvings of the discriminator.", least=1, most=8)
    padding: str = setting(
        "reflect",
        "How encoders and decoders pad: by reflection (the paper), or with zeros, as "
        "the convolutions of phones do by themselves.",
        choices=("reflect", "zero"),
    )
    upsample: str = setting(
        "deconv",
        "How stage 2's decoders double: by transposed convolutions (the paper, and "
        "stage 1 always), or by bilinear resizing and convolutions, which leave no "
        "checkerboard.",
        choices=("deconv", "resize"),
    )
    init: str = setting(
        "he", "Kernel initialisation: He, or normal 0.02.", choices=("he", "release")
    )
    twin_start: bool = setting(
        False,
        "In both stages, domain b's auto-encoder, encoder, decoder and style encoder "
        "start with the weights of domain a's: at the start, translating is what "
        "reconstructing is. For domains that look alike.",
        common=True,
    )
    adain_form: str = setting(
        "standard",
        "AdaIN by mean and standard deviation, or the release's form.",
        choices=("standard", "release"),
        use=Use(("use_adain",), "--use_adain", bool),
    )
    output: str = setting(
        "tanh",
        "How decoders end: tanh (the paper), or tanh(x) + 0.1 x while training, which "
        "cannot get stuck at the wrong end; clipped when translating.",
        choices=("tanh", "leaky_tanh"),
    )
    discriminator_form: str = setting(
        "standard",
        "Leaky ReLU once and linear logits, or the release's form.",
        choices=("standard", "release"),
    )
    discriminator_norm: str = setting(
        "instance", "Norm of the discriminator.", choices=("instance", "none")
    )
    diff_augment: bool = setting(
        False,
        "What discriminators see, real or made, has other colours, is shifted "
        "and has a hole, at random (Zhao et al., 2020). For small data sets.",
    )
    use_masks: bool = setting(True, "Feature masks; off is an ablation.")
    use_adain: bool = setting(True, "AdaIN; off is an ablation.")
    style_code: str = setting(
        "features",
        "Where s comes from: statistics of F's features (the paper), or style encoders "
        "trained with the generator (a baseline, as MUNIT).",
        choices=("features", "encoder"),
    )
    latent_noise: float = setting(
        1.0, "Standard deviation of the noise of z while training.", least=0.0
    )
    test_noise: bool = setting(
        False,
        "Keep the noise of z on when translating, as the release does.",
        use=_WITH_NOISE,
    )

    # Losses: the weight NAME_weight belongs to the log keys G/NAME*.
    adv_weight: float = setting(10.0, "Adversarial loss of G.", least=0.0)
    d_weight: float = setting(10.0, "Adversarial loss of D.", least=0.0)
    recon_weight: float = setting(100.0, "L1 of x_aa, x_bb.", least=0.0)
    cycle_weight: float = setting(100.0, "L1 of x_aba, x_bab.", least=0.0)
    kl_weight: float = setting(0.1, "KL of z.", least=0.0)
    cycle_kl_weight: float = setting(0.1, "KL of the cycle's z.", least=0.0)
    style_weight: float = setting(5e3, "Style loss (lambda_s).", least=0.0)
    content_weight: float = setting(10.0, "Content loss (lambda_c).", least=0.0)
    style_loss: str = setting(
        "gram",
        "Gram matrices (the paper), or channel statistics (Huang & Belongie).",
        choices=("gram", "statistics"),
        use=Use(("style_weight",), "--style_weight above 0", lambda w: w > 0),
    )
    perceptual_network: str = setting(
        "imagenet",
        "'imagenet': VGG-19, downloaded by Keras; a path to a Keras VGG-19 .h5 file; "
        "'embedded': small fixed features that need no download. Also of the scores of "
        "egsc_tf.evaluate.",
        path=paths.READ,
        names=(IMAGENET, EMBEDDED),
        common=True,
    )
    perceptual_layers: int = setting(
        5,
        "How many of the five features conv1_1 ... conv5_1 the style and content "
        "losses compare, from the first on. Fewer take less time; the terms of the "
        "others are left out.",
        least=1,
        most=5,
        use=_WITH_PERCEPTUAL,
    )
    perceptual_scale: float = setting(
        1.0,
        "Size at which the style and content losses see images: 1 (the paper), 0.5 or "
        "0.25, by averages of pixels. Smaller takes less time.",
        use=_WITH_PERCEPTUAL,
    )

    # Schedule.
    seed: int = setting(
        0,
        "Seed of weights, data order, augmentation, noise.",
        least=0,
        most=2**32 - 1,
        common=True,
    )
    batch_size: int = setting(
        8, "Global batch: images of each domain.", least=1, common=True
    )
    mask_steps: int = setting(
        60_000,
        "Steps of stage 1 (feature masks).",
        least=1,
        may_change=True,
        common=True,
    )
    total_steps: int = setting(
        60_000,
        "Steps of stage 2 (translation).",
        least=1,
        may_change=True,
        common=True,
    )
    mask_learning_rate: float = setting(1e-4, "Adam's rate in stage 1.", least=0.0)
    learning_rate: float = setting(1e-4, "Adam's rate in stage 2.", least=0.0)
    g_update: int = setting(
        5, "Stage 2: G updates per D update, each on a fresh batch.", least=1
    )
    fused_update: bool = setting(
        False,
        "The D and the G update of a step share one batch and one pass of the "
        "generator: faster; the release takes a fresh batch for each. With g_update=1.",
    )
    clip_norm: float = setting(
        0.0, "Largest global norm of a gradient; 0 is off.", least=0.0
    )
    ema_decay: float = setting(
        0.999, "Averaging of the generator used to translate.", least=0.0, most=0.99999
    )
    gradient_checkpointing: bool = setting(
        False,
        "Stage 2: keep no activations of encoders and decoders, compute them again for "
        "the gradient: less memory, more time, same result.",
        may_change=True,
    )
    mixed_precision: str = setting(
        "float32",
        "Keras policy of the networks; mixed_bfloat16 also of the perceptual network.",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
        common=True,
    )
    jit_compile: str = setting(
        "auto",
        "Compile the step with XLA: auto does where there is a GPU. On CPUs it "
        "compiles for minutes and then runs slower.",
        choices=("auto", "on", "off"),
        may_change=True,
    )
    deterministic: str = setting(
        "auto",
        "Operations that give the same bits at each run: auto does on CPUs, where it "
        "costs nothing; on GPUs it costs time.",
        choices=("auto", "on", "off"),
        may_change=True,
    )

    # Book-keeping.
    log_every: int = setting(
        50, "Steps between TensorBoard scalars.", least=1, may_change=True
    )
    sample_every: int = setting(
        500, "Steps between sample grids.", least=1, may_change=True
    )
    checkpoint_every: int = setting(
        500, "Steps between checkpoints.", least=1, may_change=True
    )
    keep_checkpoints: int = setting(3, "Checkpoints kept.", least=1, may_change=True)

    def __post_init__(self) -> None:
        for name, path in self.own_paths().items():
            object.__setattr__(self, name, paths.expand(path, f"--{name}={path}"))
        check(self)
        for name, value in vars(self).items():
            if isinstance(value, str) and not _is_line(value):
                raise UserError(
                    f"--{name}: expected one line of UTF-8 without space at its ends, "
                    f"as {RUN_FLAGS} keeps it; found {value!a}"
                )
        if self.dataset not in DATASETS and not _is_tfds(self.dataset):
            raise UserError(
                f"--dataset={self.dataset}: expected one of {', '.join(DATASETS)} or "
                "tfds:NAME"
            )
        if (self.split_a or self.split_b) and not _is_tfds(self.dataset):
            raise UserError(
                "--split_a, --split_b: expected --dataset=tfds:NAME, found "
                f"{self.dataset}"
            )
        if self.fused_update and self.g_update != 1:
            raise UserError(
                f"--fused_update: expected --g_update=1, found {self.g_update}"
            )
        if self.style_code == "encoder" and not self.use_adain:
            raise UserError("--style_code=encoder: expected --use_adain, found it off")
        if self.perceptual_scale not in _PERCEPTUAL_SCALES:
            raise UserError(
                "--perceptual_scale: expected 1, 0.5 or 0.25, found "
                f"{self.perceptual_scale}"
            )
        for name in ("height", "width"):
            if getattr(self, name) * self.perceptual_scale % 1:
                raise UserError(
                    f"--{name}: expected a multiple of {1 / self.perceptual_scale:.0f} "
                    f"(perceptual_scale={self.perceptual_scale}), found "
                    f"{getattr(self, name)}"
                )
            if getattr(self, name) < 2 * self.stride:
                raise UserError(
                    f"--{name}: expected at least {2 * self.stride} (n_encoder="
                    f"{self.n_encoder}), found {getattr(self, name)}"
                )
            if getattr(self, name) % self.stride:
                raise UserError(
                    f"--{name}: expected a multiple of {self.stride} (n_encoder="
                    f"{self.n_encoder}), found {getattr(self, name)}"
                )

    @property
    def stride(self) -> int:
        """How many pixels one position of z spans."""
        return 2 ** (self.n_encoder - 1)

    @property
    def network(self) -> dict[str, Any]:
        """The arguments that all encoders and decoders share."""
        return {
            "ngf": self.ngf,
            "n_encoder": self.n_encoder,
            "n_res": self.n_res,
            "init": self.init,
            "padding": self.padding,
        }

    @property
    def generator(self) -> dict[str, Any]:
        """The arguments of the generator."""
        return {
            **self.network,
            "output": self.output,
            "upsample": self.upsample,
            "adain_form": self.adain_form,
            "style_code": self.style_code,
        }

    @property
    def discriminator(self) -> dict[str, Any]:
        """The arguments of the discriminators."""
        return {
            "ndf": self.ndf,
            "n_dis": self.n_dis,
            "norm": self.discriminator_norm,
            "form": self.discriminator_form,
            "init": self.init,
        }

    def save(self, workdir: str) -> None:
        """Writes WORKDIR/run.flags."""
        self.save_as(os.path.join(workdir, RUN_FLAGS))

    def anchored(self) -> "Config":
        """The same with absolute paths, as a run keeps them: it may be used from
        another folder than it was trained from. Raises UserError for a path that a
        flagfile would not give back."""
        found: dict[str, Any] = {
            name: paths.absolute(path, f"--{name}")
            for name, path in self.own_paths().items()
        }
        return dataclasses.replace(self, **found)

    def own_paths(self) -> dict[str, str]:
        """{flag: path} of those that name a file or folder."""
        found = {f: getattr(self, f.name) for f in settings_of(self)}
        return {
            field.name: value
            for field, value in found.items()
            if field.metadata["path"] and value and value not in field.metadata["names"]
        }

    def save_as(self, path: str) -> None:
        """Writes a flagfile."""
        values = dataclasses.asdict(self.anchored()).items()
        write_whole(path, "".join(f"--{name}={value}\n" for name, value in values))


def _is_line(text: str) -> bool:
    """Whether a flagfile gives a text back as it was."""
    surrogates = any("\ud800" <= char <= "\udfff" for char in text)
    return not surrogates and text == text.strip() and not set(text) & set("\r\n\0")


def facts(config: Config) -> dict[str, Any]:
    """{flag: value}: the flags that must be the same on all workers of a run. Where
    files lie on a host, and how the data are kept, is its own affair; what is in them
    is compared when they are read."""
    own = {"data_dir", "manual_dir", "cache_gib", "cache_dir", *config.own_paths()}
    values = dataclasses.asdict(config).items()
    return {f"--{name}": value for name, value in values if name not in own}


def load(workdir: str) -> Config:
    """The Config of a run. Raises UserError where WORKDIR has none."""
    return _of_file(os.path.join(workdir, RUN_FLAGS))


def read(flagfile: str) -> Config:
    """The Config of a flagfile, given by path or as egsc_tf:NAME.

    Raises:
      UserError: naming the file, where it is missing or has no flags of a run.
    """
    return _of_file(flagfiles.path_of(flagfile))


def of_flags(arguments: list[str]) -> Config:
    """The Config of a command line's arguments.

    Raises:
      UserError, absl.flags.Error: for what are no flags of a Config, or bad values.
    """
    values = flags.FlagValues()
    define(Config, values)
    others = values(["run", *arguments])[1:]
    if others:
        raise UserError(f"found {others[0]!r}")
    return parse(Config, values)


def _of_file(path: str) -> Config:
    if not os.path.isfile(path):
        raise UserError(
            f"{path}: expected the flags of a run that egsc_tf.train wrote, found no "
            "such file"
        )
    try:
        if not os.path.getsize(path):
            raise UserError("found an empty file")
        return of_flags(flagfiles.read(path))
    except (flags.Error, UnicodeDecodeError, UserError) as error:
        raise UserError(f"{path}: expected the flags of a run: {error}") from error

"""A student's run, from the teacher's folder to its own (see distillation.py).

OUTPUT is a run's folder, which every program reads. OUTPUT/distilled.json
says whose student it is. What a student is depends on the checkpoint that it began
with: it goes on with no other.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Optional, Union

import tensorflow as tf
from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.config import Config
from egsc_tf.errors import OtherNetworks, UserError
from egsc_tf.models import vgg
from egsc_tf.run import checkpoints, restore
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime import paths
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import check, like, setting, settings_of, shown
from egsc_tf.training import run
from egsc_tf.training.distillation import DistillationTrainer
from egsc_tf.training.stage import train_stage

# What the teacher's Config says where it is given no value: 0 or "".
_THEIRS = ("n_encoder", "n_res", "mixed_precision", "perceptual_network")
# Where the teacher's images lie, and how they are read.
_WHERE = ("data_dir", "recursive", "manual_dir", "on_bad_image", "cache_dir")
# Of distilled.json: what must not change, and what messages call it.
_TOLD = {
    "checkpoint": "the teacher's checkpoint",
    "translation_weight": "--translation_weight",
}
# The weights of what the teacher's images say.
_TEACHING = ("translation_weight", "recon_weight", "style_weight", "content_weight")
# A student has no noise, and none of the teacher's other losses.
_FIXED: dict[str, Any] = {
    "content_view": "same",
    "latent_noise": 0.0,
    "test_noise": False,
    "cycle_weight": 0.0,
    "kl_weight": 0.0,
    "cycle_kl_weight": 0.0,
    "g_update": 1,
    "fused_update": True,
    "gradient_checkpointing": False,
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """The student's networks, losses and schedule.

    Raises UserError, naming the flag, for a bad value.
    """

    GROUPS: ClassVar[dict[str, str]] = {
        "ngf": "Networks of the student",
        "translation_weight": "Losses",
        "seed": "Schedule",
        "log_every": "Book-keeping",
    }

    data_dir: str = setting(
        "",
        "Images to learn from, where the teacher's lie elsewhere now; empty: the "
        "teacher's --data_dir.",
        path=paths.READ,
        common=True,
    )
    recursive: bool = setting(
        False, "Also images in subfolders; where the teacher read them, always."
    )
    manual_dir: str = setting(
        "", "As of egsc_tf.train; empty: the teacher's.", path=paths.READ
    )

    on_bad_image: str = like(
        Config,
        "on_bad_image",
        default="",
        choices=None,
        use=None,
        help="As of egsc_tf.train; empty: the teacher's.",
    )
    cache_dir: str = like(Config, "cache_dir", use=None)

    ngf: int = like(Config, "ngf", default=16)
    n_res: int = like(
        Config,
        "n_res",
        default=0,
        least=0,
        help="Residual blocks of each encoder and each decoder; 0: as the teacher.",
        common=True,
    )
    n_encoder: int = like(
        Config,
        "n_encoder",
        default=0,
        least=0,
        help="Convolutions before the residual blocks; 0: as the teacher.",
    )
    padding: str = like(
        Config,
        "padding",
        default="zero",
        help="How encoders and decoders pad: with zeros, as the convolutions of phones "
        "do by themselves, or by reflection.",
    )
    upsample: str = like(
        Config,
        "upsample",
        default="resize",
        help="How decoders double: by bilinear resizing and convolutions, or by "
        "transposed convolutions.",
    )

    translation_weight: float = setting(
        100.0, "L1 of x_ab and x_ba to the teacher's.", least=0.0
    )
    recon_weight: float = like(
        Config,
        "recon_weight",
        default=20.0,
        help="L1 of x_aa and x_bb to the teacher's.",
    )
    adv_weight: float = like(
        Config,
        "adv_weight",
        default=1.0,
        help="Adversarial loss of the student. Its discriminators begin with the "
        "teacher's weights.",
    )
    style_weight: float = like(
        Config,
        "style_weight",
        default=0.0,
        help="Style loss of x_ab and x_ba to the teacher's. Steps take several times "
        "as long with it.",
        common=True,
    )
    content_weight: float = like(
        Config,
        "content_weight",
        default=0.0,
        help="Content loss of x_ab and x_ba to the teacher's, likewise.",
        common=True,
    )
    style_loss: str = like(Config, "style_loss")
    perceptual_network: str = like(
        Config,
        "perceptual_network",
        default="",
        help="As of egsc_tf.train, of these two and of the student's scores; "
        "empty: the teacher's.",
        common=False,
    )

    seed: int = like(Config, "seed")
    batch_size: int = like(Config, "batch_size")
    total_steps: int = like(
        Config, "total_steps", default=10_000, help="Steps of the distillation."
    )
    learning_rate: float = like(
        Config, "learning_rate", default=1e-3, help="Adam's rate.", common=True
    )
    clip_norm: float = like(Config, "clip_norm", default=50.0)
    mixed_precision: str = like(
        Config,
        "mixed_precision",
        default="",
        choices=None,
        help="Keras policy of both networks, as of egsc_tf.train; empty: the "
        "teacher's.",
    )
    jit_compile: str = like(Config, "jit_compile")
    deterministic: str = like(Config, "deterministic")

    log_every: int = like(Config, "log_every")
    sample_every: int = like(Config, "sample_every")
    checkpoint_every: int = like(Config, "checkpoint_every")
    keep_checkpoints: int = like(Config, "keep_checkpoints")

    def __post_init__(self) -> None:
        check(self)


# Of a Config: what a student has of its own. All else is the teacher's.
_OWN = tuple(
    field.name
    for field in settings_of(Settings)
    if field.name not in {*_THEIRS, *_WHERE, *_TOLD}
)


def config_of(teacher: Config, settings: Settings) -> Config:
    """The Config of a student.

    Raises:
      UserError: naming the flag, for what does not go together.
    """
    values: dict[str, Any] = {name: getattr(settings, name) for name in _OWN}
    for name in _THEIRS:
        values[name] = getattr(settings, name) or getattr(teacher, name)
    weights = [getattr(settings, name) for name in _TEACHING]
    if not any(weights):
        raise UserError(
            f"{' '.join(f'--{name}=0' for name in _TEACHING)}: expected one of them "
            "above 0, as a student learns nothing of its teacher otherwise"
        )
    where = {name: getattr(settings, name) for name in _WHERE}
    teacher = workdir_lib.moved(teacher, **where)
    config = dataclasses.replace(teacher, **values, **_FIXED)
    if vgg.is_needed(config):
        return config
    # Those of the teacher have no effect.
    return dataclasses.replace(
        config,
        perceptual_layers=Config.perceptual_layers,
        perceptual_scale=Config.perceptual_scale,
    )


def distill(
    workdir: Union[str, "os.PathLike[str]"],
    output: Union[str, "os.PathLike[str]"],
    settings: Optional[Settings] = None,
    strategy: Optional[tf.distribute.Strategy] = None,
    override_run: bool = False,
    tpu: str = "",
    callbacks: Sequence[object] = (),
) -> DistillationTrainer:
    """Trains a student in `output` from the run in `workdir`.

    Args:
      workdir: folder of the teacher's run, of which the newest checkpoint teaches.
      output: folder of the student's run; one that holds it goes on with it.
      settings: Settings.
      strategy, tpu, callbacks: as of egsc_tf.train.
      override_run: go on also where flags or the teacher's checkpoint differ.

    Returns:
      the trained DistillationTrainer; egsc_tf.load(output) is the student.

    Raises:
      as egsc_tf.train; UserError also for a `workdir` without a trained run, and for an
      `output` with another run, or another teacher's student.
    """
    settings = settings or Settings()
    workdir, output = (
        paths.expand(os.fspath(path), f"--{flag}={path}")
        for flag, path in (("workdir", workdir), ("output", output))
    )
    if os.path.realpath(workdir) == os.path.realpath(output):
        raise UserError(f"--output={output}: expected another folder than --workdir")
    taught = config_lib.load(workdir)
    config = config_of(taught, settings)
    path = restore.checkpoint_of(workdir)
    _tell_of_teacher(path, taught)
    with _there(path):
        fingerprint = checkpoints.fingerprint(path)
    origin = {
        "teacher": os.path.abspath(workdir),
        "checkpoint": fingerprint,
        "translation_weight": settings.translation_weight,
    }
    _require_same(output, origin, override_run)

    def stages(
        one: run.Run, phi: run.Phi, before: Config, newest: run.Newest
    ) -> DistillationTrainer:
        _, _, _, workers, xla, _ = one
        stage = workdir_lib.TRANSLATION
        with workers.strategy.scope(), _there(path):
            teacher = restore.read(dataclasses.replace(taught, test_noise=False), path)
            trainer = DistillationTrainer(
                config, teacher, settings.translation_weight, phi, xla
            )
            trainer.read_discriminators(path)
        with _noted(output, origin) if workers.is_chief else contextlib.nullcontext():
            train_stage(trainer, *one, stage, newest[stage], before.total_steps)
        return trainer

    with workdir_lib.naming_flags(workdir, config):
        return run.in_folder(
            config,
            output,
            stages,
            strategy,
            override_run,
            tpu,
            {told: origin[name] for name, told in _TOLD.items()},
            "output",
            callbacks,
        )


def _tell_of_teacher(path: str, taught: Config) -> None:
    """Says which of its steps the teacher teaches, and warns where more are to come."""
    step = checkpoints.step_of(path)
    say = logging.info if step >= taught.total_steps else logging.warning
    say(
        "teacher: %s, step %d of %d%s",
        path,
        step,
        taught.total_steps,
        "" if step >= taught.total_steps else "; it has not finished",
    )


def command(output: str) -> list[str]:
    """The arguments of egsc_tf.distill that a student began with; [] for a run that is
    no student."""
    if not workdir_lib.is_student(output):
        return []
    origin = _read(output)
    values = {**dataclasses.asdict(config_lib.load(output)), **origin}
    chosen = [
        shown(field.name, values[field.name])
        for field in settings_of(Settings)
        if values[field.name] != field.default
    ]
    return [f"--workdir={origin['teacher']}", f"--output={output}", *chosen]


def _require_same(output: str, origin: dict[str, object], override: bool) -> None:
    """Raises UserError where `output` holds what this start does not go on with."""
    if not workdir_lib.is_student(output):
        if any(workdir_lib.newest_of_run(output).values()):
            raise UserError(
                f"--output={output}: expected a new folder, or a student of "
                "egsc_tf.distill; found a run of another program"
            )
        return
    found = _read(output)
    # Where the teacher lies is of no matter.
    changed = [
        f"{told} was {found[name]}, is now {origin[name]}"
        for name, told in _TOLD.items()
        if found[name] != origin[name]
    ]
    if not changed:
        return
    if override:
        logging.warning("the student changed: %s", "; ".join(changed))
        return
    raise UserError(
        f"--output={output}: expected the teacher and weights of the student that it "
        f"holds; {'; '.join(changed)}. Use another --output for another student, or "
        "--override_run to go on with this one all the same."
    )


@contextlib.contextmanager
def _noted(output: str, origin: dict[str, object]) -> Iterator[None]:
    """Within it OUTPUT/distilled.json says `origin`. OtherNetworks, of --override_run,
    leaves what it said before: the student stays what it was."""
    path = os.path.join(output, workdir_lib.DISTILLED)
    before = None
    if workdir_lib.is_student(output):
        with open(path, encoding="utf-8") as file:
            before = file.read()
    write_whole(path, json.dumps(origin, indent=1) + "\n")
    try:
        yield
    except OtherNetworks:
        if before is not None:
            write_whole(path, before)
        raise


@contextlib.contextmanager
def _there(path: str) -> Iterator[None]:
    """Within it, a checkpoint of the teacher that is gone is said to be."""
    try:
        yield
    except (OtherNetworks, FileNotFoundError) as error:
        if os.path.isfile(f"{path}.index"):
            raise
        raise OtherNetworks(
            f"{path}: expected the teacher's checkpoint, found that it was deleted "
            "meanwhile: the teacher still trains; let it finish"
        ) from error


def _read(output: str) -> dict[str, Any]:
    """What OUTPUT/distilled.json says. Raises UserError where a student has no such."""
    path = os.path.join(output, workdir_lib.DISTILLED)
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return {name: found[name] for name in ("teacher", *_TOLD)}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: expected what egsc_tf.distill wrote, found: {error!r}"
        ) from error

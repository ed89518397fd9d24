"""What was run and how, what it warned of, and how runs are put beside each other.

Each function takes a list of Runs, one or several to compare, and returns Markup.
"""

import dataclasses
import os
import shlex

import tensorflow as tf

from egsc_tf import config as config_lib
from egsc_tf.errors import UserError
from egsc_tf.evaluation.finished_run import counts
from egsc_tf.reporting.page import macros, render
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime.counted import counted
from egsc_tf.training import student

ARROWS = {"a2b": "a to b", "b2a": "b to a"}


def for_each(runs, show):
    """show(run), beside each other; what a run lacks is said."""

    def shown(run):
        try:
            return show(run)
        except UserError as error:
            return macros.note(f"Not shown: {error}")

    if len(runs) == 1:
        return shown(runs[0])
    return macros.side_by_side([(run.label, shown(run)) for run in runs])


def overview(runs):
    """What was run and how."""
    facts = [
        ("folder", *(run.workdir for run in runs)),
        ("data", *(run.config.dataset for run in runs)),
        ("trained on", *(counts(run) for run in runs)),
        ("size", *(f"{run.config.height}x{run.config.width}" for run in runs)),
        ("steps", *(_steps(run) for run in runs)),
        ("time of training", *(_time(run) for run in runs)),
        ("hardware", *(_of_starts(run, _hardware) for run in runs)),
        ("versions", *(_of_starts(run, _versions) for run in runs)),
        ("started", *(_of_starts(run, lambda start: start["time"]) for run in runs)),
    ]
    fields = dataclasses.fields(config_lib.Config)
    every = {f.name: [str(getattr(run.config, f.name)) for run in runs] for f in fields}
    default = {f.name: str(f.default) for f in fields}
    if len(runs) > 1:
        caption = "Flags that differ"
        chosen = [name for name, cells in every.items() if len({*cells}) > 1]
    else:
        caption = "Flags other than the defaults"
        chosen = [name for name, cells in every.items() if cells != [default[name]]]
    return render(
        "overview.html",
        labels=[run.label for run in runs],
        facts=facts,
        caption=caption,
        changed=[(f"--{name}", *every[name], default[name]) for name in chosen],
        every=[
            (_command(run), [(f"--{name}", cells[i]) for name, cells in every.items()])
            for i, run in enumerate(runs)
        ],
    )


def _command(run):
    try:
        arguments = student.command(run.workdir)
    except UserError as error:
        return f"not known: {error}"
    if arguments:
        return f"python -m egsc_tf.distill {shlex.join(arguments)}"
    flags = os.path.join(run.workdir, config_lib.RUN_FLAGS)
    arguments = (f"--flagfile={flags}", f"--workdir={run.workdir}")
    return f"python -m egsc_tf.train {shlex.join(arguments)}"


def _steps(run):
    total = f"stage 2 {run.config.total_steps} in all"
    if not workdir_lib.is_student(run.workdir):
        total = f"stage 1 {run.config.mask_steps}, {total}"
    try:
        done = run.step
    except UserError:
        return f"stage 2 has no checkpoint yet; {total}"
    return f"stage 2 at step {done}; {total}"


def _time(run):
    try:
        seconds = workdir_lib.seconds(run.workdir, run.checkpoint)
    except (UserError, tf.errors.NotFoundError):  # the latter: it was not trained here
        return "not known"
    both = "" if workdir_lib.is_student(run.workdir) else " of both stages"
    return f"{seconds:.0f} s{both}"


def _of_starts(run, tell):
    """What `tell` says of each start of a run, once."""
    if not run.starts:
        return "not noted"
    return "; ".join(dict.fromkeys(tell(start) for start in run.starts))


def _hardware(start):
    gpus = f", {counted(len(start['gpus']), 'GPU')}" if start["gpus"] else ", no GPU"
    return f"{start['processor']}, {counted(start['cores'], 'core')}{gpus}"


def _versions(start):
    return (
        f"egsc_tf {start['egsc_tf']}, TensorFlow {start['tensorflow']}, Python "
        f"{start['python']} on {start['system']}"
    )


def warnings(runs):
    """What training warned of, and what makes the report itself doubtful."""
    return for_each(runs, _warnings)


def _warnings(run):
    lines = list(run.warnings)
    for start in run.starts:
        lines += [f"{start['time']}: {line}." for line in start.get("changed", ())]
    try:
        steps = run.step
    except UserError as error:
        lines.append(str(error))
    else:
        if steps < run.config.total_steps:
            lines.append(f"The run is at step {steps} of {run.config.total_steps}.")
        scored = run.results.get("steps", steps)
        if scored != steps:
            lines.append(f"The scores are of step {scored}, the model of {steps}.")
    return render("warnings.html", lines=lines)

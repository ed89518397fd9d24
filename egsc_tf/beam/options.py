"""Beam's pipeline options, from flags that are not the program's."""

import logging

from apache_beam.options.pipeline_options import (
    PipelineOptions,
    TypeOptions,
    WorkerOptions,
)

from egsc_tf.errors import UserError


def pipeline_options(runner, rest):
    """PipelineOptions of a runner and further flags. Raises UserError for a flag that
    Beam does not know either: it would only be ignored."""
    # Notices of each connection, batch and file would hide what is printed.
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    wrong = [flag for flag in rest if not flag.startswith("--")]
    options = PipelineOptions([f"--runner={runner}", *rest])
    everything = options.get_all_options(True, retain_unknown_options=True)
    known = options.get_all_options(True)
    wrong += [f"--{name}" for name in everything if name not in known]
    if wrong:
        raise UserError(
            f"{wrong[0]}: expected a flag of egsc_tf.beam_translate (--help) or a "
            "pipeline option of Beam, as --NAME=VALUE"
        )
    worker = options.view_as(WorkerOptions)
    worker.default_sdk_harness_log_level = (
        worker.default_sdk_harness_log_level or "ERROR"
    )
    # Beam's DirectRunner would hand this pipeline to Prism, a program that it downloads
    # and that takes no --direct_* options, but not where such triggers are allowed.
    # The pipeline has no triggers.
    options.view_as(TypeOptions).allow_unsafe_triggers = True
    return options

"""What is to be made: the files of a pattern, each with every exemplar, and its name.

Names are those of egsc_tf.inference.pairing, found group by group, so that no machine
holds all paths. Two jobs may come out with one name: egsc_tf.beam.pipeline finds them.
"""

import typing

import apache_beam as beam
from apache_beam.io import fileio

from egsc_tf.beam import counters, files
from egsc_tf.data import images
from egsc_tf.inference import pairing

DEAD = "dead"


class Job(typing.NamedTuple):
    """An image to make. file: its name in the output folder, never a path."""

    source: str
    exemplar: str
    file: str


def dead_letter(path, reason):
    """What was left out and why, tagged for the file of dead letters."""
    letter = {"path": images.printable(path), "reason": reason}
    return beam.pvalue.TaggedOutput(DEAD, letter)


class Plan(beam.PTransform):
    """(jobs as (file name, Job), dead letters)."""

    def __init__(self, pattern, exemplars, output):
        super().__init__()
        self._pattern, self._exemplars, self._output = pattern, exemplars, output

    def expand(self, root):
        keyed = beam.FlatMap(_keyed, self._output)
        sources = (
            root
            | fileio.MatchFiles(self._pattern)
            | keyed.with_output_types(tuple[str, str]).with_outputs(DEAD, main="good")
        )
        longest = pairing.longest_stem(self._output)
        jobs = beam.FlatMap(_jobs, self._exemplars, longest)
        return (
            sources.good
            | beam.GroupByKey()
            | jobs.with_output_types(tuple[str, typing.Any])
        ), sources[DEAD]


def _keyed(metadata, output):
    """(stem, path) of a file that was found."""
    path = metadata.path
    counters.add(counters.FOUND)
    try:
        path.encode()
    except UnicodeEncodeError:
        yield dead_letter(path, "expected a name in UTF-8")
        return
    if files.folder_of(path) == files.folder(output):
        yield dead_letter(path, "expected --output to be another folder than its own")
    else:
        yield pairing.stem(path), path


def _jobs(group, exemplars, longest):
    """The jobs of all sources of one stem: the endings of these become their names."""
    sources = sorted(group[1])
    for source, name in zip(sources, pairing.output_names(sources)):
        for exemplar, file in pairing.files_of(name, exemplars, longest).items():
            yield file, Job(source, exemplar, file)

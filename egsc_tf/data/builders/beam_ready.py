"""Builders of large data sets: by one process, or by Beam where TFDS is asked to.

TFDS is asked by DownloadConfig's beam_runner or beam_options, on its command line by
`tfds build --beam_pipeline_options=...`; it runs what it gets, a generator or a
PTransform. Both make the same examples.
"""

import tensorflow_datasets as tfds

from egsc_tf.runtime import extras


class BeamReadyBuilder(tfds.core.GeneratorBasedBuilder):
    """Gives examples as TFDS is asked to; a subclass says of what."""

    through_beam = False

    def _download_and_prepare(self, dl_manager, download_config):
        asked = download_config.beam_runner or download_config.beam_options
        self.through_beam = bool(asked)
        super()._download_and_prepare(dl_manager, download_config)

    def _generate_examples(self, items, example):
        """example(item) of each: a (key, features).

        Through Beam, both go to other processes: items are small, say where the data
        lies, and example is a function of a module, or a partial of one.
        """
        if not self.through_beam:
            return map(example, items)
        beam = apache_beam()
        return beam.Create(items) | beam.Reshuffle() | beam.Map(example)


def apache_beam():
    """The package. Raises UserError where it is missing."""
    try:
        import apache_beam
    except ImportError as error:
        raise extras.missing("beam", error, "beam_runner, beam_options") from error
    return apache_beam

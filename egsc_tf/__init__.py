"""EGSC-IT: exemplar guided unsupervised image-to-image translation, for TensorFlow 2.

    model = egsc_tf.load("runs/demo")
    images = model.translate(content, exemplar, direction="a2b")

`load` returns an `egsc_tf.models.translator.Translator`.
"""

from egsc_tf.version import __version__ as __version__


def load(workdir):
    """The trained Translator of a run's folder; see `egsc_tf.run.restore.load`."""
    from egsc_tf.run import restore

    return restore.load(workdir)

"""How every `python -m egsc_tf.NAME` starts and ends; imported before TensorFlow."""

import os
import sys

# Before TensorFlow is imported: on a machine without a GPU its start prints many lines
# about CUDA plug-ins. Real failures arrive as Python exceptions all the same.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, logging  # noqa: E402


def run(main):
    """app.run for a main() that takes only flags; user mistakes end in one line.

    Exit code 0, or 2 for bad flags, paths or images, 3 for a run that diverged.
    """

    def guarded(argv):
        from egsc_tf.callbacks import Diverged
        from egsc_tf.errors import UserError

        if len(argv) > 1:
            raise app.UsageError(f"expected only flags, found {argv[1:]}")
        logging.use_absl_handler()
        logging.set_verbosity(logging.INFO)
        try:
            return main()
        except Diverged as error:
            print(f"error: {error}", file=sys.stderr)
            return 3
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except OSError as error:
            if error.filename is None:
                raise
            print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
            return 2

    app.run(guarded)

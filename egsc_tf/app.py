"""A page to try a model out: `python -m egsc_tf.app --workdir=DIR`.

Or --saved_model=MODELS/NAME/VERSION. The page, and an endpoint "translate" for
programs (the link at its foot tells how), are for this machine only unless --host says
otherwise.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import os
import re
import socket
import tempfile

from egsc_tf.data import images
from egsc_tf.domains import DIRECTIONS, split
from egsc_tf.errors import UserError
from egsc_tf.evaluation.finished_run import Run
from egsc_tf.evaluation.settings import Settings
from egsc_tf.gradio_app.models import RunModel, SavedModel
from egsc_tf.gradio_app.session import Session
from egsc_tf.reporting import gallery
from egsc_tf.runtime import extras, paths
from egsc_tf.runtime.flags import Use, like, setting

EXAMPLES = 3  # of each direction
OF_RUNS = Use(("saved_model",), "--workdir", lambda path: not path)
ROOT_PATH = re.compile(r"((https?://[^/\s]+)?(/[^/\s?#]+)*/?)?")


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's flags."""

    workdir: str = setting("", "Folder of a trained run.", path=paths.READ)
    saved_model: str = setting("", "Or MODELS/NAME/VERSION, exported.", path=paths.READ)
    host: str = setting("127.0.0.1", "Address to listen at; 0.0.0.0: all.")
    port: int = setting(7860, "Port to listen at.", least=1, most=65535)
    root_path: str = setting(
        "", "Path, such as /egsc, or URL under which a proxy shows the page."
    )
    max_pixels: int = setting(2**24, "Largest source, height x width.", least=1)
    max_exemplar_pixels: int = setting(
        2**21, "Largest exemplar, which the networks see as a whole.", least=1
    )
    max_megabytes: int = setting(50, "Largest file.", least=1)
    tile: int = setting(
        512,
        "--workdir: side in pixels of the tiles by which larger sources are "
        "translated, to bound memory; the result is the same.",
        least=1,
        use=OF_RUNS,
    )
    data_dir: str = like(
        Settings,
        "data_dir",
        help="Where the examples lie now; empty: as in training.",
        use=OF_RUNS,
    )
    manual_dir: str = like(Settings, "manual_dir", use=OF_RUNS)
    recursive: bool = like(Settings, "recursive", use=OF_RUNS)


def examples_of(run_, folder):
    """(examples for the page, a line on them), written to `folder`."""
    examples = []
    try:
        for direction in DIRECTIONS:
            source, target = split(direction)
            sources, kind = gallery.test_images(run_, source, EXAMPLES)
            exemplars, _ = gallery.test_images(run_, target, 2 * EXAMPLES)
            for i, pixels in enumerate(sources[: len(exemplars) // 2]):
                paths = [
                    os.path.join(folder, f"{direction}_{i}_{name}.png")
                    for name in ("source", "exemplar_1", "exemplar_2")
                ]
                for path, x in zip(paths, [pixels, *exemplars[2 * i : 2 * i + 2]]):
                    images.write_png(path, x)
                examples.append((paths[0], paths[1:], direction))
    except UserError as error:
        return [], f"No examples: {error}"
    return examples, f"The examples are {kind} of the run."


def require_port(host, port):
    """Raises UserError where the port cannot be had, before a model is loaded."""
    try:
        family = socket.getaddrinfo(host, port)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise UserError(
            f"--host={host}, --port={port}: expected a free port, found: {error}"
        ) from error


def main(flags):
    try:
        from egsc_tf.gradio_app import interface
    except ImportError as error:
        raise extras.missing("app", error) from error
    if bool(flags.workdir) == bool(flags.saved_model):
        raise UserError("expected one of --workdir and --saved_model")
    if not ROOT_PATH.fullmatch(flags.root_path):
        raise UserError(
            f"--root_path={flags.root_path}: expected /PATH or http[s]://HOST/PATH"
        )
    require_port(flags.host, flags.port)
    with tempfile.TemporaryDirectory(prefix="egsc_tf_") as folder:
        if flags.workdir:
            settings = Settings(
                data_dir=flags.data_dir,
                manual_dir=flags.manual_dir,
                recursive=flags.recursive,
            )
            run_ = Run(flags.workdir, settings)
            model = RunModel(run_.context.translator, flags.tile)
            title, (examples, told) = run_.label, examples_of(run_, folder)
        else:
            model = SavedModel(flags.saved_model)
            title = "/".join(os.path.abspath(flags.saved_model).split(os.sep)[-2:])
            examples, told = [], "No examples: a SavedModel has no data set."
        session = Session(model, flags.max_pixels, flags.max_exemplar_pixels)
        blocks = interface.build(session, title, examples, told)
        url = interface.launch(
            blocks, flags.host, flags.port, flags.max_megabytes, flags.root_path
        )
        where = f" through the proxy at {flags.root_path}" if flags.root_path else ""
        print(f"open {url}{where} (Ctrl-C ends it)", flush=True)
        blocks.block_thread()


if __name__ == "__main__":
    run(main, Flags)

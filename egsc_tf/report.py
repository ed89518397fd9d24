"""A run as one page: `python -m egsc_tf.report --workdir=DIR` writes DIR/report.html.

The page needs no network and no other file. egsc_tf.train and egsc_tf.evaluate write it
at their end. `--compare DIR...` puts other runs beside it, in DIR/compare.html.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses

from egsc_tf.errors import UserError
from egsc_tf.evaluation.settings import Settings
from egsc_tf.reporting import writing
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import like, setting


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's flags."""

    workdir: str = setting(None, "Folder of a run.", required=True, path=paths.READ)
    compare: tuple[str, ...] = setting(
        (), "Folders of other runs to put beside it.", path=paths.READ
    )
    output: str = setting(
        "",
        "The page; empty: report.html or compare.html in --workdir.",
        path=paths.FILE,
    )
    data_dir: str = like(Settings, "data_dir")
    manual_dir: str = like(Settings, "manual_dir")
    recursive: bool = like(Settings, "recursive")


def main(flags, more):
    for argument in more:
        if argument.startswith("-"):
            raise UserError(f"{argument}: expected a flag of this program, or a folder")
    more = [paths.expand(folder, folder) for folder in more]
    workdirs = [flags.workdir, *flags.compare, *more]
    settings = Settings(
        data_dir=flags.data_dir,
        manual_dir=flags.manual_dir,
        recursive=flags.recursive,
    )
    print(f"written: {writing.write(workdirs, flags.output or None, settings)}")


if __name__ == "__main__":
    run(main, Flags, with_rest=True)

"""A web page that translates photos inside the browser, with LiteRT.js.

    python -m egsc_tf.export.web --workdir=DIR --output=SITE
    python -m http.server --directory=SITE

SITE is a folder of static files for any web server. `webpage.build` says how the page
is built, `webpage.contents` what else is in it. manifest.json says what the model is,
and which files belong to which direction. SITE takes its name when it is whole.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from egsc_tf import config as config_lib
from egsc_tf.domains import DIRECTIONS, check_directions
from egsc_tf.errors import UserError
from egsc_tf.export import tflite
from egsc_tf.export.litert import metadata, variants
from egsc_tf.export.serving import model_card
from egsc_tf.export.webpage import build as web_build
from egsc_tf.export.webpage import contents
from egsc_tf.inference.pairing import find_images
from egsc_tf.run import restore
from egsc_tf.run.workdir import TrainedRun
from egsc_tf.runtime import paths
from egsc_tf.runtime.files import kept_folder
from egsc_tf.runtime.flags import like, setting
from egsc_tf.version import __version__

MANIFEST, SERVICE_WORKER = "manifest.json", "service_worker.js"


@dataclasses.dataclass(frozen=True)
class Flags(TrainedRun):
    """The program's own flags."""

    output: str = setting(None, "Folder of the page.", required=True, path=paths.FOLDER)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the page has. Raises UserError, naming the flag, for a bad value."""

    name: str = setting("", "Title; empty: the name of the run's folder.")
    directions: tuple[str, ...] = setting(DIRECTIONS, "Some of a2b, b2a.")
    exemplars: tuple[str, ...] = setting(
        (),
        "File or folder of images for the stored styles, one for each of --directions; "
        "empty, or one that is: test images.",
        path=paths.READ,
    )
    samples: int = setting(
        8,
        "Test images of each domain that are put into the page, as photos to try and, "
        "without --exemplars, for stored styles.",
        least=0,
    )
    variant: str = setting(
        "float32", "Of the .tflite files.", choices=tuple(variants.FLOORS)
    )
    io: str = like(tflite.Settings, "io", help="Type of the images in the model.")
    height: int = setting(0, "Height in the model; 0: the run's own.", least=0)
    width: int = setting(0, "As --height.", least=0)
    data_dir: str = like(tflite.Settings, "data_dir")
    recursive: bool = like(tflite.Settings, "recursive")
    manual_dir: str = like(tflite.Settings, "manual_dir")
    overwrite: bool = setting(False, "Replace the page of another run in --output.")
    build: str = setting(
        "",
        "Folder that keeps the built page; built there where it is empty.",
        path=paths.READ,
    )

    def __post_init__(self):
        check_directions(self.directions)
        if self.exemplars and len(self.exemplars) != len(self.directions):
            raise UserError(
                "--exemplars: expected one file or folder for each of --directions="
                f"{','.join(self.directions)}, found {len(self.exemplars)}"
            )

    def of_tflite(self, direction):
        """The settings of a direction's .tflite file."""
        same = ("io", "height", "width", "data_dir", "manual_dir", "recursive")
        return tflite.Settings(
            variants=(self.variant,),
            direction=direction,
            runs=1,
            **{name: getattr(self, name) for name in same},
        )


def export(workdir, output, settings=None):
    """Writes the page of a run.

    Args:
      workdir: of egsc_tf.train or egsc_tf.import_official.
      output: folder; an earlier page of this run in it is replaced.
      settings: Settings.

    Returns:
      what manifest.json holds.

    Raises:
      UserError: for a bad setting or folder, or where the page cannot be built.
    """
    settings = settings or Settings()
    config = config_lib.load(workdir)
    output = os.path.abspath(output)
    _check(workdir, output, settings)
    with tempfile.TemporaryDirectory() as work:
        page = settings.build or os.path.join(work, "page")
        web_build.build(page)
        above = os.path.dirname(output)
        with kept_folder(above):
            part = tempfile.mkdtemp(suffix=".part", dir=above)
            try:
                ignored = shutil.ignore_patterns(web_build.STAMP)
                shutil.copytree(page, part, ignore=ignored, dirs_exist_ok=True)
                manifest = _fill(part, workdir, config, settings, work)
                os.chmod(part, 0o755)  # mkdtemp's is for the owner alone
                _take_name(part, output)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
    return manifest


def _check(workdir, output, settings):
    """Raises UserError for what can be known before the page is built."""
    paths.require_writable(f"--output={output}", output)
    _check_output(output, workdir, settings.overwrite)
    for direction in settings.directions:
        tflite.check(workdir, settings.of_tflite(direction))
    for exemplars in filter(None, settings.exemplars):
        find_images(exemplars, settings.recursive)
    restore.checkpoint_of(workdir)
    if settings.build:
        web_build.must_build(settings.build)
    else:
        web_build.require_npm()


def _fill(site, workdir, config, settings, work):
    exemplars = settings.exemplars or [""] * len(settings.directions)
    directions = {
        direction: contents.write(
            site,
            workdir,
            settings.of_tflite(direction),
            of_direction,
            settings.samples,
            os.path.join(work, direction),
        )
        for direction, of_direction in zip(settings.directions, exemplars)
    }
    steps = next(iter(directions.values()))["steps"]
    results = model_card.results_of(workdir, steps)
    manifest = {
        "name": settings.name or os.path.basename(os.path.abspath(workdir)),
        "run": _of_run(workdir),
        "about": [
            *_about(workdir, config, steps, settings, directions),
            *results.get("caveats", []),
        ],
        "scores": model_card.scores(results),
        "directions": directions,
    }
    with open(os.path.join(site, MANIFEST), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2)
    _list_files(site)
    return manifest


def _about(workdir, config, steps, settings, directions):
    """What a visitor may want to know, in paragraphs."""
    return [
        "A translator of images by exemplar (EGSC-IT, Ma et al., ICLR 2019, arXiv "
        f"1805.11145), made by egsc_tf {__version__}.",
        f"Trained on {config.dataset} at {config.height}×{config.width}: "
        f"{model_card.training(workdir, config, steps)}. Images unlike those of the "
        "training give results that nobody has judged.",
        *(
            f"{entry['label']}: {settings.variant}, {entry['bytes'] / 1e6:.2f} MB, "
            f"images of {entry['height']}×{entry['width']}; a PSNR of "
            f"{entry['psnr']:.1f} dB against the Keras model. Photos are scaled to "
            "that size, and the results back."
            for entry in directions.values()
        ),
        metadata.LICENCE,
    ]


def _list_files(site):
    """Tells the service worker, in its first line, what there is to keep."""
    paths = sorted(path for path in Path(site).rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(site).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    worker = Path(site, SERVICE_WORKER)
    names = [p.relative_to(site).as_posix() for p in paths if p != worker]
    # Browsers ask for the folder, not for index.html.
    names[names.index("index.html")] = "./"
    version, files = json.dumps(digest.hexdigest()[:16]), json.dumps(names)
    head = f"const VERSION = {version}, FILES = {files};\n"
    worker.write_text(head + worker.read_text("utf-8"), encoding="utf-8")


def _of_run(workdir):
    """What tells a run from others, and nothing of where it lies: pages are public."""
    return hashlib.sha256(os.path.realpath(workdir).encode()).hexdigest()


def _check_output(output, workdir, overwrite):
    if not os.path.exists(output) or (os.path.isdir(output) and not os.listdir(output)):
        return
    try:
        found = dict(json.loads(Path(output, MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError):
        raise UserError(
            f"--output={output}: expected a new or empty folder, or an earlier page "
            f"(with {MANIFEST}), found something else"
        ) from None
    if found.get("run") != _of_run(workdir) and not overwrite:
        raise UserError(
            f"--output={output}: expected a new folder, or an earlier page of "
            f"{workdir}, found that of another run; --overwrite replaces it"
        )


def _take_name(part, output):
    if not os.path.isdir(output):
        os.rename(part, output)
        return
    old = tempfile.mkdtemp(suffix=".old", dir=os.path.dirname(output))
    os.rename(output, old)
    os.rename(part, output)
    shutil.rmtree(old)


def main(flags, settings):
    manifest = export(flags.workdir, flags.output, settings)
    for direction, entry in manifest["directions"].items():
        print(
            f"{direction}: {entry['bytes'] / 1e6:.2f} MB, {entry['psnr']:.1f} dB PSNR"
        )
    print(f"written: {flags.output}; see it on http://localhost:8000 while this runs:")
    print(f"python -m http.server --directory={flags.output} 8000")


if __name__ == "__main__":
    run(main, Flags, Settings)

"""The page of `egsc_tf.export.web`, built from app/ by npm and Vite.

npm gets what package-lock.json pins, LiteRT.js's WebAssembly among it, and runs no
script of a package.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from egsc_tf.errors import UserError
from egsc_tf.runtime import paths

SOURCES = Path(__file__).resolve().parent / "app"
PARTS = (
    "index.html",
    "package.json",
    "package-lock.json",
    "public",
    "src",
    "vite.config.js",
)
# In a folder with a built page: which sources it was built from.
STAMP = "sources.sha256"
COMMANDS = (
    ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
    ["npm", "run", "build"],
)


def digest():
    """The SHA-256 of all sources, with their names."""
    found = hashlib.sha256()
    for part in PARTS:
        top = SOURCES / part
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file():
                found.update(f"{path.relative_to(SOURCES).as_posix()}\0".encode())
                found.update(path.read_bytes())
    return found.hexdigest()


def must_build(folder):
    """Whether the page must be built there: not where it is that of these sources.

    Raises:
      UserError: where it must and cannot be: npm is missing, or the folder has
        something else in it.
    """
    stamp = os.path.join(folder, STAMP)
    if os.path.isfile(stamp):
        if Path(stamp).read_text(encoding="utf-8") == digest():
            return False
    elif os.path.exists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise UserError(
            f"--build={folder}: expected a new or empty folder, or one with a page "
            "that an earlier export built; found something else"
        )
    paths.require_writable(f"--build={folder}", folder)
    require_npm()
    return True


def require_npm():
    """Raises UserError where npm is missing."""
    if shutil.which("npm") is None:
        raise UserError(
            "npm: expected on PATH, to build the page (it comes with Node.js 20.19 or "
            "newer), found none. Elsewhere --build=DIR keeps the built page, for here"
        )


def build(folder):
    """Fills a folder with the built page, unless it holds that of these sources.

    Raises:
      UserError: as `must_build`, and where npm fails.
    """
    if not must_build(folder):
        return
    with tempfile.TemporaryDirectory() as place:
        for part in PARTS:
            copy = shutil.copytree if (SOURCES / part).is_dir() else shutil.copy
            copy(SOURCES / part, os.path.join(place, part))
        for command in COMMANDS:
            _run(command, place)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(place, "dist"), folder)
    stamp = Path(folder, STAMP)
    stamp.write_text(digest(), encoding="utf-8")


def _run(command, place):
    done = subprocess.run(
        command, cwd=place, check=False, capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise UserError(
            f"{' '.join(command[:3])}: expected the page to be built, found: "
            f"{' '.join(line.strip() for line in said[:4]) or 'no reason given'}"
        )

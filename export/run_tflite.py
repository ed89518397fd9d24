"""Translates images with a .tflite file, as a device would: no TensorFlow needed.

    python -m egsc_tf.export.run_tflite --model=a2b_float32.tflite \
        --input=photos --exemplar=style.jpg --output=out

The file also runs alone, copied to a device: `python run_tflite.py ...`. It needs
NumPy, Pillow and a TFLite runtime (ai-edge-litert or tflite-runtime), and nothing of
egsc_tf.

Inputs are resized to the model's size and their translations back to the input's own.
The style of the exemplar is encoded once. Outputs are PNG files named after the inputs,
and say what they are made from. Only the same translation made again replaces one
(--overwrite: any).
"""

import argparse
import hashlib
import importlib
import json
import os
import re
import sys
import tempfile
from collections import Counter

import numpy as np
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

RUNTIMES = ("ai_edge_litert", "tflite_runtime")
SIGNATURES = ("encode_style", "translate")
SMALLEST_SIDE = 8
VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{(\w+)\})")
# For some of its other formats Pillow starts programs.
FORMATS = ("BMP", "GIF", "JPEG", "MPO", "PNG", "TIFF", "WEBP")
Image.init()
OPENED = [name for name in FORMATS if name in Image.OPEN]
ENDINGS = {e for e, name in Image.registered_extensions().items() if name in FORMATS}
# Names and notes are those of egsc_tf.translate.
ENDING, BESIDE, DIGITS = ".png", ".json.part", 12
NOTE, SAME = "egsc_tf", "same"


class Mistake(Exception):
    """Something that the user can put right; main() prints it in one line."""


class Model:
    """The two signatures of a .tflite file, on images of any size.

    Args:
      runners: {signature: signature runner}.
    """

    def __init__(self, runners):
        self._encode_style, self._translate = (runners[name] for name in SIGNATURES)
        details = self._translate.get_input_details()["content"]
        self.height, self.width = (int(side) for side in details["shape"][1:3])
        self._dtype = details["dtype"]

    def encode_style(self, exemplar):
        """The style code of an exemplar: [H, W, 3] uint8 -> [1, 2C] float32."""
        return self._encode_style(exemplar=self._fit(exemplar))["style"]

    def translate(self, content, style):
        """A content [H, W, 3] uint8 in a style -> [H, W, 3] uint8, of its own size."""
        image = self._translate(content=self._fit(content), style=style)["image"][0]
        height, width = content.shape[:2]
        return _resize(np.rint(image).astype(np.uint8), height, width)

    def _fit(self, pixels):
        """[H, W, 3] -> [1, height, width, 3] in the model's type."""
        return _resize(pixels, self.height, self.width)[None].astype(self._dtype)


def find_interpreter():
    """The Interpreter class of the first of RUNTIMES that is there.

    Raises:
      Mistake: where none is.
    """
    for name in RUNTIMES:
        try:
            return importlib.import_module(f"{name}.interpreter").Interpreter
        except ImportError:
            continue
    raise Mistake(
        "expected a TFLite runtime, found neither ai_edge_litert nor tflite_runtime: "
        "pip install ai-edge-litert"
    )


def open_model(path, interpreter_class, threads=1):
    """The Model of a .tflite file with both signatures.

    Raises:
      Mistake: where the file is none, naming it.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(8)
    except OSError as error:
        raise Mistake(
            f"--model={path}: expected a file: {error.strerror or error}"
        ) from error
    if head[4:] != b"TFL3":
        raise Mistake(f"--model={path}: expected a .tflite file, found something else")
    try:
        interpreter = interpreter_class(model_path=path, num_threads=threads)
        found = sorted(interpreter.get_signature_list())
        if found != sorted(SIGNATURES):
            raise Mistake(
                f"--model={path}: expected the signatures {', '.join(SIGNATURES)}, "
                f"found {', '.join(found) or 'none'}"
            )
        return Model({name: interpreter.get_signature_runner(name) for name in found})
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise Mistake(f"--model={path}: the runtime refuses it: {reason}") from error


def read(path):
    """[H, W, 3] uint8 of an image file, upright; transparent parts become white.

    What it reads is what egsc_tf reads of the file; it refuses more.

    Raises:
      Mistake: where it is no image of 8 bits per channel, naming it.
    """
    try:
        if not os.path.isfile(path):  # of a pipe the opening would wait
            raise ValueError("no file")
        with Image.open(path, formats=OPENED) as image:
            if min(image.size) < SMALLEST_SIDE:
                raise ValueError(f"{image.width}x{image.height} pixels, too few")
            if image.width * image.height > Image.MAX_IMAGE_PIXELS:
                raise ValueError(f"{image.width}x{image.height} pixels, too many")
            image = ImageOps.exif_transpose(image)
            key = image.info.get("transparency")
            wide = isinstance(key, tuple) and max(key) > 255
            if image.mode == "F" or image.mode.startswith("I") or wide:
                raise ValueError(f"mode {image.mode}, more than 8 bits per channel")
            if image.mode == "CMYK" and "icc_profile" in image.info:
                raise ValueError("CMYK with a colour profile")
            if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
                image = image.convert("RGBA")
                ground = Image.new("RGBA", image.size, "white")
                image = Image.alpha_composite(ground, image)
            return np.asarray(image.convert("RGB"))
    except Exception as error:  # Pillow's decoders raise many kinds.
        raise Mistake(f"{path}: expected an image, found: {error}") from error


def find_images(path):
    """Image paths of a file or a folder. Raises Mistake."""
    if not os.path.isdir(path):
        return [path]
    names = [
        name
        for name in sorted(os.listdir(path))
        if not name.startswith(".") and os.path.splitext(name)[1].lower() in ENDINGS
    ]
    seen = [name for name in os.listdir(path) if not name.startswith(".")]
    if not names:
        raise Mistake(f"--input={path}: expected image files, found none")
    if len(seen) > len(names):
        print(
            f"{path}: {len(seen) - len(names)} of {len(seen)} entries left out: "
            f"folders, and names that end on none of {' '.join(sorted(ENDINGS))}",
            file=sys.stderr,
        )
    return [os.path.join(path, name) for name in names]


def output_names(inputs, output):
    """Names of PNG files: the inputs' own; with their endings where these alone differ;
    cut, with a hash, where the file system takes no longer ones."""
    folder = os.path.realpath(output)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    limit = os.pathconf(folder, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    most = limit - len(ENDING) - len(BESIDE)
    names = [os.path.basename(path) for path in inputs]
    stems = [os.path.splitext(name)[0] for name in names]
    count = Counter(stems)
    found = []
    for stem, name in zip(stems, names):
        whole = stem if count[stem] == 1 else name.replace(".", "_")
        encoded = os.fsencode(whole)
        if len(encoded) > most:
            kept = encoded[: most - DIGITS - 1].decode("utf-8", "ignore")
            whole = f"{kept}_{hashlib.sha256(encoded).hexdigest()[:DIGITS]}"
        found.append(whole + ENDING)
    return found


def plan(inputs, exemplar, output):
    """{input path: output path}.

    Raises:
      Mistake: where two inputs would give one file, or the folder is that of an input
        or the exemplar.
    """
    taken = {os.path.realpath(os.path.dirname(p) or ".") for p in (*inputs, exemplar)}
    if os.path.realpath(output) in taken:
        raise Mistake(
            f"--output={output}: expected another folder than that of the inputs and "
            "the exemplar"
        )
    names = output_names(inputs, output)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Mistake(f"--output: {twice[0]} would be written twice; rename the inputs")
    return {path: os.path.join(output, name) for path, name in zip(inputs, names)}


def note(path, exemplar, exemplar_sha256, model):
    """What a translation is made from; SAME is equal where it is made again: of the
    same input and model, by their paths, and the exemplar's bytes."""
    told = [os.path.realpath(path), exemplar_sha256, os.path.realpath(model)]
    return {
        "input": os.path.basename(path),
        "exemplar": os.path.basename(exemplar),
        "model": os.path.basename(model),
        SAME: hashlib.sha256(json.dumps(told).encode()).hexdigest(),
    }


def check(jobs, notes):
    """Raises Mistake where a file is there that is not the same translation."""
    others = []
    for path, target in jobs.items():
        if not os.path.lexists(target):
            continue
        try:
            with Image.open(target, formats=["PNG"]) as image:
                found = json.loads(image.info[NOTE])[SAME]
        except Exception:  # Pillow's readers raise many kinds.
            found = None
        if found != notes[path][SAME]:
            others.append(target)
    if others:
        more = f", and {len(others) - 1} more" if others[1:] else ""
        raise Mistake(
            f"--output: {others[0]}: expected no file, or the same translation made "
            f"before, found another one; --overwrite replaces it{more}"
        )


def write_png(path, pixels, text):
    """Writes beside, then renames: nobody sees half a file."""
    part = path + ".part"
    info = PngInfo()
    info.add_text(NOTE, text)
    Image.fromarray(pixels).save(part, format="PNG", pnginfo=info)
    os.replace(part, path)


def run(model, model_path, inputs, exemplar, output, overwrite=False):
    """Translates files into a folder; returns how many.

    Raises:
      Mistake: see `read`, `plan` and `check`.
    """
    jobs = plan(inputs, exemplar, output)
    pixels = read(exemplar)
    with open(exemplar, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    notes = {path: note(path, exemplar, digest, model_path) for path in jobs}
    if not overwrite:
        check(jobs, notes)
    os.makedirs(output, exist_ok=True)
    style = model.encode_style(pixels)
    for path, target in jobs.items():
        translated = model.translate(read(path), style)
        write_png(target, translated, json.dumps(notes[path]))
    return len(jobs)


def _resize(pixels, height, width):
    """[H, W, 3] uint8 -> [height, width, 3] uint8, antialiased."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def path(text):
    """A path as the operating system takes it: `~`, `~USER`, `$NAME` and `${NAME}` are
    home folders and variables, as in all of egsc_tf.

    Raises:
      ArgumentTypeError: for a user or variable that there is not.
    """
    for match in VARIABLE.finditer(text):
        name = match[1] or match[2]
        if name not in os.environ:
            raise argparse.ArgumentTypeError(
                f"{text}: expected variables that are set, found none called {name}"
            )
    found = os.path.expanduser(os.path.expandvars(text))
    if found.startswith("~"):
        raise argparse.ArgumentTypeError(
            f"{text}: expected the home folder of a user, found no such user; "
            f"./{found} is a file or folder of that name"
        )
    if VARIABLE.search(found):
        raise argparse.ArgumentTypeError(
            f"{text}: expected a path whose folders have no $NAME in their names, "
            f"found {found}"
        )
    return found


def require_writable(output):
    """Raises Mistake where the folder cannot be written, before there is any work."""
    place = os.path.abspath(output)
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise Mistake(f"--output={output}: expected a folder, found a file at {place}")
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise Mistake(
            f"--output={output}: expected a folder that can be written: {place}: "
            f"{error.strerror}"
        ) from error


def flags_of(arguments=None):
    """The flags of a command line."""
    parser = argparse.ArgumentParser(description="Translates images with TFLite.")
    for name, help_text in (
        ("model", "A .tflite file."),
        ("input", "Image or folder to translate."),
        ("exemplar", "Image that gives the style."),
        ("output", "Folder of the PNG files."),
    ):
        parser.add_argument(f"--{name}", required=True, type=path, help=help_text)
    parser.add_argument(
        "--overwrite", action="store_true", help="Replace what --output has of others."
    )
    parser.add_argument("--threads", type=int, default=2, help="Threads to use.")
    return parser.parse_args(arguments)


def main(arguments=None):
    flags = flags_of(arguments)
    try:
        require_writable(flags.output)
        model = open_model(flags.model, find_interpreter(), flags.threads)
        inputs, paths = find_images(flags.input), (flags.exemplar, flags.output)
        count = run(model, flags.model, inputs, *paths, flags.overwrite)
    except Mistake as mistake:
        print(f"error: {mistake}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"{count} image{'' if count == 1 else 's'} written to {flags.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

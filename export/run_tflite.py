"""Translates images with a .tflite file, as a device would: no TensorFlow needed.

    python -m egsc_tf.export.run_tflite --model=a2b_float32.tflite \
        --input=photos --exemplar=style.jpg --output=out

The file also runs alone, copied to a device: `python run_tflite.py ...`. It needs
NumPy, Pillow and a TFLite runtime (ai-edge-litert or tflite-runtime), and nothing of
egsc_tf.

Inputs are resized to the model's size and their translations back to the input's own.
The style of the exemplar is encoded once. Outputs are PNG files named after the inputs.
"""

import argparse
import importlib
import os
import re
import sys
import tempfile

import numpy as np
from PIL import Image, ImageOps

RUNTIMES = ("ai_edge_litert", "tflite_runtime")
SIGNATURES = ("encode_style", "translate")
SMALLEST_SIDE = 8
VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{(\w+)\})")
# For some of its other formats Pillow starts programs.
FORMATS = ("BMP", "GIF", "JPEG", "MPO", "PNG", "TIFF", "WEBP")
Image.init()
OPENED = [name for name in FORMATS if name in Image.OPEN]
ENDINGS = {e for e, name in Image.registered_extensions().items() if name in FORMATS}


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
    if not names:
        raise Mistake(f"--input={path}: expected image files, found none")
    return [os.path.join(path, name) for name in names]


def plan(inputs, exemplar, output):
    """{input path: output path}.

    Raises:
      Mistake: where two inputs would give one file, or a file would replace an input or
        the exemplar.
    """
    jobs = {
        path: os.path.join(output, os.path.splitext(os.path.basename(path))[0] + ".png")
        for path in inputs
    }
    taken = {os.path.realpath(path) for path in (*inputs, exemplar)}
    for path, target in jobs.items():
        if os.path.realpath(target) in taken:
            raise Mistake(
                f"--output: {target}, made from {path}, would replace an input, the "
                "exemplar or another result"
            )
        taken.add(os.path.realpath(target))
    return jobs


def write_png(path, pixels):
    """Writes beside, then renames: nobody sees half a file."""
    part = path + ".part"
    Image.fromarray(pixels).save(part, format="PNG")
    os.replace(part, path)


def run(model, inputs, exemplar, output):
    """Translates files into a folder; returns how many.

    Raises:
      Mistake: see `read` and `plan`.
    """
    jobs = plan(inputs, exemplar, output)
    style = model.encode_style(read(exemplar))
    os.makedirs(output, exist_ok=True)
    for path, target in jobs.items():
        write_png(target, model.translate(read(path), style))
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
    parser.add_argument("--threads", type=int, default=2, help="Threads to use.")
    return parser.parse_args(arguments)


def main(arguments=None):
    flags = flags_of(arguments)
    try:
        require_writable(flags.output)
        model = open_model(flags.model, find_interpreter(), flags.threads)
        count = run(model, find_images(flags.input), flags.exemplar, flags.output)
    except Mistake as mistake:
        print(f"error: {mistake}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"{count} images written to {flags.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

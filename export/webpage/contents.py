"""What the page shows and runs: a model a direction, stored styles, photos to try.

models/a2b_float32.tflite
styles/a2b.json             [{"name", "thumbnail", "style": [2C numbers]}, ...]
styles/a2b_1.png            the thumbnail of a style
samples/a2b_1.png           a photo to try, of the model's size
"""

import json
import os
import shutil

from PIL import Image

from egsc_tf.data import images
from egsc_tf.domains import split
from egsc_tf.errors import UserError
from egsc_tf.export import run_tflite, tflite
from egsc_tf.export.litert import pairs
from egsc_tf.export.litert import report as tflite_report
from egsc_tf.export.litert.interpreter import Interpreter
from egsc_tf.inference.pairing import find_images, output_names

THUMBNAIL = 112


def write(site, workdir, settings, exemplars, samples, work):
    """Writes a direction's files.

    Args:
      site: folder of the page.
      workdir: of the run.
      settings: egsc_tf.export.tflite.Settings, with one variant.
      exemplars: file or folder of images for the stored styles; "": test images.
      samples: how many test images.
      work: folder for what is not kept.

    Returns:
      the direction's entry in manifest.json.

    Raises:
      UserError: where the variant does not reach its floor, or images are missing.
    """
    direction = settings.direction
    report = tflite.export(workdir, work, settings)
    for failure in tflite_report.failures(report):
        raise UserError(f"--variant={failure}")
    (variant,) = settings.variants
    model = f"models/{direction}_{variant}.tflite"
    for folder in ("models", "styles", "samples"):
        os.makedirs(os.path.join(site, folder), exist_ok=True)
    shutil.copy(os.path.join(work, os.path.basename(model)), os.path.join(site, model))
    config = tflite.config_of(workdir, settings)
    tested = pairs.draw(config, "test", direction, samples) if samples else ()
    source, target = split(direction)
    entry = report["variants"][variant]
    return {
        "label": f"{source} to {target}",
        "steps": report["settings"]["steps"],
        "model": model,
        "bytes": entry["bytes"],
        "psnr": entry["psnr"],
        "height": config.height,
        "width": config.width,
        "styles": _write_styles(
            site,
            direction,
            os.path.join(site, model),
            _named(exemplars, settings.recursive, tested),
        ),
        "samples": [
            _write_png(
                site, f"samples/{direction}_{number}.png", Image.fromarray(image)
            )
            for number, (image, _) in enumerate(tested, 1)
        ],
    }


def _named(exemplars, recursive, tested):
    """[(name, [H, W, 3] uint8)] of the exemplars."""
    if not exemplars:
        return [(str(number), image) for number, (_, image) in enumerate(tested, 1)]
    paths = find_images(exemplars, recursive)
    return [(n, images.read(p)) for n, p in zip(output_names(paths), paths)]


def _write_styles(site, direction, model, named):
    """Encodes each exemplar's style with the very file that the page runs."""
    encoder = run_tflite.open_model(model, Interpreter)
    styles = []
    for number, (name, pixels) in enumerate(named, 1):
        image = Image.fromarray(pixels)
        image.thumbnail((THUMBNAIL, THUMBNAIL))
        thumbnail = _write_png(site, f"styles/{direction}_{number}.png", image)
        style = encoder.encode_style(pixels)[0].tolist()
        styles.append({"name": name, "thumbnail": thumbnail, "style": style})
    file = f"styles/{direction}.json"
    with open(os.path.join(site, file), "w", encoding="utf-8") as out:
        json.dump(styles, out)
    return file


def _write_png(site, file, image):
    image.save(os.path.join(site, file))
    return file

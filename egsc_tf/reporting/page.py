"""HTML of a page that needs nothing but itself: no network, no other file.

The HTML is in templates/, and Jinja escapes what is put into it. The macros can be
called from here: `macros.note("a < b")` is Markup, which is not escaped again.
"""

import base64
import io

import jinja2
from markupsafe import Markup
from PIL import Image

from egsc_tf.data import images

WIDEST = 1400  # pixels; wider pictures are reduced
LOSSLESS = 2**16  # bytes; pictures whose PNG is larger are JPEG
ENLARGED = 560  # small pictures are shown in whole multiples up to about this width

_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("egsc_tf.reporting"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
macros = _templates.get_template("macros.html").module


def render(template, **values):
    """A file of templates/ with its values, as Markup."""
    return Markup(_templates.get_template(template).render(values))


def picture(pixels, alt):
    """An <img> of [H, W, 3] uint8, as Markup."""
    height, width = pixels.shape[:2]
    if width > WIDEST:
        height, width = max(1, height * WIDEST // width), WIDEST
        pixels = images.resize(pixels, height, width)
    file, kind = _encoded(pixels, "png"), "png"
    if len(file) > LOSSLESS:
        file, kind = _encoded(pixels, "jpeg", quality=90), "jpeg"
    source = f"data:image/{kind};base64,{base64.b64encode(file).decode('ascii')}"
    times = max(1, round(ENLARGED / width))
    return macros.picture(source, alt, width * times, height * times, times > 1)


def _encoded(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()

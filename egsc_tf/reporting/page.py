"""HTML of a page that needs nothing but itself: no network, no other file.

Everything that is shown comes in through these functions, which escape it.
"""

import base64
import html
import io
import pathlib

from PIL import Image

from egsc_tf.data import images

WIDEST = 1400  # pixels; wider pictures are reduced
LOSSLESS = 2**16  # bytes; pictures whose PNG is larger are JPEG
ENLARGED = 560  # small pictures are shown in whole multiples up to about this width
# Nothing may be fetched, from nowhere; what is here may run.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)
_HERE = pathlib.Path(__file__).parent

escape = html.escape


def picture(pixels, alt):
    """An <img> of [H, W, 3] uint8."""
    height, width = pixels.shape[:2]
    if width > WIDEST:
        height, width = max(1, height * WIDEST // width), WIDEST
        pixels = images.resize(pixels, height, width)
    file, kind = _encoded(pixels, "png"), "png"
    if len(file) > LOSSLESS:
        file, kind = _encoded(pixels, "jpeg", quality=90), "jpeg"
    data = base64.b64encode(file).decode("ascii")
    times = max(1, round(ENLARGED / width))
    sharp = ' class="pixels"' if times > 1 else ""
    return (
        f'<img src="data:image/{kind};base64,{data}" alt="{escape(alt)}" '
        f'width="{width * times}" height="{height * times}"{sharp}>'
    )


def _encoded(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def figure(body, caption=""):
    """A <figure> of HTML with a plain caption."""
    text = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{body}{text}</figure>"


def slider(frames, label):
    """Pictures of which a slider shows one, the last at first.

    frames: [(name, HTML of it)].
    """
    last = len(frames) - 1
    hidden = [" hidden"] * last + [""]
    shown = "".join(
        f'<div class="frame"{state}>{body}</div>'
        for state, (_, body) in zip(hidden, frames)
    )
    names = escape("|".join(name for name, _ in frames))
    return (
        f'<div class="slider" data-names="{names}">'
        f"<label>{escape(label)}: <output>{escape(frames[-1][0])}</output>"
        f'<input type="range" min="0" max="{last}" value="{last}" step="1" '
        f'aria-valuetext="{escape(frames[-1][0])}"></label>{shown}</div>'
    )


def table(head, rows, caption=""):
    """A <table> of texts; the first cell of a row is its head."""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    top = f"<thead><tr>{top}</tr></thead>" if head else ""
    return (
        f'<div class="wide" tabindex="0"><table>{title}{top}<tbody>{body}</tbody>'
        "</table></div>"
    )


def note(text):
    """A remark in place of what is not there, or on what is."""
    return f'<p class="note">{escape(text)}</p>'


def folded(summary, body):
    """HTML that is opened by a click."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def side_by_side(blocks):
    """HTML beside each other where there is room: [(title, body)]."""
    return (
        '<div class="blocks">'
        + "".join(
            f"<div><h3>{escape(title)}</h3>{body}</div>" for title, body in blocks
        )
        + "</div>"
    )


def page(title, subtitle, sections):
    """The whole page; sections: [(id, heading, HTML)]."""
    css, script = (
        (_HERE / name).read_text(encoding="utf-8")
        for name in ("report.css", "report.js")
    )
    links = "".join(f'<a href="#{i}">{escape(head)}</a>' for i, head, _ in sections)
    body = "".join(
        f'<section id="{i}"><h2>{escape(head)}</h2>{text}</section>'
        for i, head, text in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title>'
        f"<style>{css}</style></head><body><header><h1>{escape(title)}</h1>"
        f"<p>{escape(subtitle)}</p><nav>{links}</nav></header><main>{body}</main>"
        f"<script>{script}</script></body></html>\n"
    )

"""Draws docs/images/method.svg: python docs/figures/method.py

One direction, a to b, from top to bottom: mask on the left, content in the middle,
style on the right. Symbols are the paper's.
"""

import re
from pathlib import Path

WIDTH, HEIGHT = 620, 880
MASK, CONTENT, STYLE = 105, 310, 515
TRAINED, SHARED, FROZEN, VALUE = "#dbe7fb", "#ffe3b3", "#e6e6e6", "#ffffff"
INK, MUTED = "#1d2330", "#5b6472"


def text(x, y, words, size=17, colour=INK, anchor="middle", weight="normal"):
    """x_ab becomes x with the index ab."""

    def index(found):
        name, below = found.groups()
        drop = round(size * 0.28)
        return (
            f'{name}<tspan dy="{drop}" font-size="{size * 0.72:.0f}">{below}</tspan>'
            f'<tspan dy="{-drop}">&#8203;</tspan>'
        )

    words = re.sub(r"([A-Za-zφ])_([a-z]+)", index, words)
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" '
        f'text-anchor="{anchor}" font-weight="{weight}">{words}</text>'
    )


def box(x, y, words, fill, width=110, height=40, dashed=False):
    """A network, its middle at (x, y)."""
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return (
        f'<rect x="{x - width / 2}" y="{y - height / 2}" width="{width}" '
        f'height="{height}" rx="7" fill="{fill}" stroke="{INK}" '
        f'stroke-width="1.4"{dash}/>' + text(x, y + 6, words)
    )


def value(x, y, words, width=110):
    """A tensor, its middle at (x, y)."""
    return (
        f'<rect x="{x - width / 2}" y="{y - 18}" width="{width}" height="36" rx="18" '
        f'fill="{VALUE}" stroke="{MUTED}"/>' + text(x, y + 6, words)
    )


def arrow(*points, dashed=False):
    path = " ".join(f"{x},{y}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="1.5" '
        f'marker-end="url(#tip)"{dash}/>'
    )


def caption(x, y, *lines, size=13):
    return "".join(
        text(x, y + 17 * i, line, size, MUTED) for i, line in enumerate(lines)
    )


def draw():
    parts = [
        # The frame of T.
        f'<rect x="222" y="440" width="176" height="122" rx="10" fill="#f4f6fa" '
        f'stroke="{MUTED}" stroke-dasharray="3 4"/>',
        caption(434, 462, "T(c, m, s)"),
        # Images.
        value(CONTENT, 50, "x_a"),
        caption(CONTENT, 22, "source, domain a"),
        value(STYLE, 50, "x_b"),
        caption(STYLE, 22, "exemplar, domain b"),
        # Content.
        arrow((CONTENT, 68), (CONTENT, 99)),
        box(CONTENT, 120, "E_a", TRAINED),
        arrow((CONTENT, 140), (CONTENT, 169)),
        box(CONTENT, 190, "S_e", SHARED),
        arrow((CONTENT, 210), (CONTENT, 241)),
        value(CONTENT, 260, "z_a"),
        caption(196, 256, "+ N(0, 1)", "in training"),
        arrow((228, 260), (254, 260)),
        arrow((CONTENT, 278), (CONTENT, 309)),
        box(CONTENT, 330, "S_g", SHARED),
        arrow((CONTENT, 350), (CONTENT, 377)),
        value(CONTENT, 396, "c_a"),
        arrow((CONTENT, 414), (CONTENT, 450)),
        # Mask.
        arrow((254, 50), (MASK, 50), (MASK, 99)),
        box(MASK, 120, "F_a", FROZEN, dashed=True),
        arrow((MASK, 140), (MASK, 311)),
        value(MASK, 330, "m_a"),
        caption(MASK, 368, "(1 + sigmoid(f_a)) / 2"),
        arrow((MASK, 378), (MASK, 468), (291, 468)),
        f'<circle cx="{CONTENT}" cy="468" r="17" fill="#fff" stroke="{INK}"/>',
        text(CONTENT, 474, "×", 20),
        # Style.
        arrow((STYLE, 68), (STYLE, 99)),
        box(STYLE, 120, "F_b", FROZEN, dashed=True),
        arrow((STYLE, 140), (STYLE, 311)),
        value(STYLE, 330, "s_b = (γ, β)", 130),
        caption(STYLE, 368, "deviation and mean of f_b"),
        arrow((STYLE, 378), (STYLE, 530), (370, 530)),
        arrow((CONTENT, 485), (CONTENT, 508)),
        box(CONTENT, 530, "AdaIN", "#ffffff", 116),
        # Image.
        arrow((CONTENT, 550), (CONTENT, 589)),
        box(CONTENT, 610, "G_b", TRAINED),
        arrow((CONTENT, 630), (CONTENT, 661)),
        value(CONTENT, 680, "x_ab"),
        caption(450, 646, "content of x_a,", "style of x_b"),
        # Losses.
        arrow((254, 680), (MASK, 680), (MASK, 739)),
        arrow((CONTENT, 698), (CONTENT, 739)),
        arrow((366, 680), (STYLE, 680), (STYLE, 739)),
        box(MASK, 760, "D_b", TRAINED, 130),
        box(CONTENT, 760, "VGG φ", FROZEN, 150, dashed=True),
        box(STYLE, 760, "E_b S_e S_g T G_a", TRAINED, 180),
        caption(MASK, 800, "adversarial:", "an image of", "domain b"),
        caption(CONTENT, 800, "content as x_a,", "style as x_b"),
        caption(STYLE, 800, "cycle, with m_a and s_a:", "x_aba = x_a"),
    ]
    legend = [(TRAINED, "trained"), (SHARED, "shared by a and b"), (FROZEN, "frozen")]
    for i, (fill, words) in enumerate(legend):
        x = 150 + 130 * i + (30 if i == 2 else 0)
        parts.append(
            f'<rect x="{x}" y="853" width="18" height="14" rx="3" fill="{fill}" '
            f'stroke="{INK}"/>'
        )
        parts.append(text(x + 25, 865, words, 13, MUTED, "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="Helvetica, Arial, sans-serif" '
        'role="img">\n<title>From a source and an exemplar to the translation</title>\n'
        '<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" '
        f'orient="auto"><path d="M0,0 L9,4 L0,8 z" fill="{INK}"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    images = Path(__file__).resolve().parent.parent / "images"
    (images / "method.svg").write_text(draw(), encoding="utf-8")

"""Plots by matplotlib as SVG inside the page: text and axes take the page's colour."""

import io
from xml.etree import ElementTree

import matplotlib
import matplotlib.figure
import numpy as np
from markupsafe import Markup

SVG = "{http://www.w3.org/2000/svg}"
# A browser reads <svg>, not <ns0:svg>.
ElementTree.register_namespace("", SVG[1:-1])
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
INK = "#010203"  # stands for the page's own colour
STYLE = {
    "svg.fonttype": "none",  # the page's font, and text that can be searched
    "font.size": 8.0,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.framealpha": 0.0,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#80868c50",
}
# Legible on white and on black.
COLOURS = ("#3584e4", "#e66100", "#2a9d5c", "#a35bd6", "#d6336c", "#8a8d2f")
POINTS = 400  # of a line; more cannot be told apart
LOG_FROM = 50.0  # largest / smallest value of a panel from which its axis is a log


def curves(lines, label):
    """A panel of lines.

    Args:
      lines: [(name, steps, values, colour number, dashes)].
      label: what the picture shows, for those who do not see it.

    Returns:
      Markup.
    """
    with matplotlib.rc_context(STYLE):
        figure = matplotlib.figure.Figure(figsize=(4.0, 2.5))
        # Fixed margins: computing them would take most of the report's time.
        figure.subplots_adjust(left=0.16, right=0.98, bottom=0.17, top=0.96)
        axis = figure.subplots()
        for name, steps, values, colour, dashes in lines:
            few = np.unique(np.linspace(0, len(steps) - 1, POINTS).astype(int))
            axis.plot(
                np.asarray(steps)[few],
                np.asarray(values)[few],
                label=_label(name),
                color=COLOURS[colour % len(COLOURS)],
                linestyle=dashes,
                linewidth=1.3,
                marker="o" if len(steps) == 1 else None,
            )
        every = np.concatenate([values for _, _, values, _, _ in lines])
        if every.min() > 0 and every.max() / every.min() > LOG_FROM:
            axis.set_yscale("log")
        axis.set(xlabel="step")
        axis.grid(True, linewidth=0.5)
        if len(lines) > 1:
            axis.legend(fontsize=7)
        return svg(figure, label)


def _label(name):
    """A name for Matplotlib, which hides those that begin with "_", takes $ for
    formulas, and writes control characters, which XML does not have."""
    return "".join(filter(str.isprintable, name)).replace("$", r"\$").lstrip("_")


def svg(figure, label):
    """An <svg> of a matplotlib Figure that was made under STYLE, as Markup."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(file.getvalue().replace(INK, "currentColor"))
    for name in ("width", "height"):  # the page decides
        del root.attrib[name]
    for metadata in root.findall(f"{SVG}metadata"):
        root.remove(metadata)
    root.attrib.update({"role": "img", "aria-label": label})
    return Markup(ElementTree.tostring(root, encoding="unicode"))

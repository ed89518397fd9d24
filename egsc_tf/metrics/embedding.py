"""t-SNE of contents and styles, coloured by domain (the paper's figure)."""

import matplotlib.figure
import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from egsc_tf.runtime.files import whole_file

COMPONENTS = 50


def embed(rows, seed=0):
    """[N, D] -> [N, 2]: PCA to 50 dimensions, then t-SNE."""
    rows = np.reshape(rows, [len(rows), -1])
    size = min(COMPONENTS, *rows.shape)
    rows = PCA(size, random_state=seed).fit_transform(rows)
    perplexity = min(30.0, (len(rows) - 1) / 3.0)
    # OpenMP's threads wait for each other by spinning, many times as long as one thread
    # alone takes where TensorFlow or other programs have the cores.
    with threadpool_limits(1):
        return TSNE(perplexity=perplexity, random_state=seed).fit_transform(rows)


def figure(panels):
    """A figure with one scatter plot a panel.

    panels: {title: {"a": [N, 2], "b": [M, 2]}}.
    """
    figure = matplotlib.figure.Figure(figsize=(5 * len(panels), 5), layout="tight")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, points) in zip(axes, panels.items()):
        for domain, colour in (("a", "tab:blue"), ("b", "tab:orange")):
            axis.scatter(*points[domain].T, s=8, c=colour, label=f"domain {domain}")
        axis.set(title=title, xticks=[], yticks=[])
        axis.legend()
    return figure


def plot(path, panels):
    """Writes the figure as a PNG file."""
    with whole_file(path) as part:
        figure(panels).savefig(part, format="png", dpi=100)


def plot_curve(path, curves):
    """Writes a PNG of content against style distance.

    Args:
      path: of the file.
      curves: {direction: [{"strength", "content_distance", "style_distance"}, ...]}.
    """
    figure = matplotlib.figure.Figure(figsize=(5, 4), layout="tight")
    axis = figure.subplots()
    for direction, points in curves.items():
        x = [p["style_distance"] for p in points]
        y = [p["content_distance"] for p in points]
        axis.plot(x, y, marker="o", label=direction)
        for p in points:
            axis.annotate(
                f"{p['strength']:g}", (p["style_distance"], p["content_distance"])
            )
    axis.set(
        xlabel="distance of style to the exemplar",
        ylabel="distance of content to the source",
    )
    axis.legend()
    with whole_file(path) as part:
        figure.savefig(part, format="png", dpi=100)

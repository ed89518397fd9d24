"""The page of `egsc_tf.app`, by Gradio: nothing is asked of any other machine."""

import logging
import os

# Before Gradio is imported: it would report its use, ask for its newest version, and
# its hub library look for a network.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each of its requests

import gradio as gr  # noqa: E402

from egsc_tf.errors import UserError  # noqa: E402
from egsc_tf.gradio_app.session import MOST_EXEMPLARS  # noqa: E402

LABELS = {"a2b": "a to b", "b2a": "b to a"}
KEPT = 3600  # seconds that uploads and results stay on the disk
SHOWN = 20  # seconds of a message
HEIGHT = 280  # pixels of a panel of images
WAITING = 16  # translations that may wait; more are refused
FONTS = ["system-ui", "sans-serif"]  # Gradio's own are fetched from Google
THEME = gr.themes.Default(font=FONTS, font_mono=["ui-monospace", "monospace"])


def build(session, title, examples, told):
    """The gr.Blocks.

    Args:
      session: egsc_tf.gradio_app.session.Session.
      title: of the page.
      examples: [(path of a source, [two paths of exemplars], direction)].
      told: a line on the examples, or why there are none.
    """

    def translate(source, exemplars, direction, strength, blend):
        try:
            outcome = session.translate(
                _paths(source), _paths(exemplars), direction, strength, blend
            )
        except UserError as error:
            raise gr.Error(str(error), SHOWN, print_exception=False) from None
        return outcome.translations, [outcome.mask], outcome.told

    directions = [(LABELS[d], d) for d in session.model.directions]
    with gr.Blocks(
        title=title, analytics_enabled=False, delete_cache=(KEPT, KEPT)
    ) as blocks:
        gr.Markdown(
            f"# {title}\nA source in the style of 1 to {MOST_EXEMPLARS} exemplars."
        )
        with gr.Row():
            with gr.Column():
                with gr.Row():
                    source = _upload("source", "Source")
                    exemplars = _upload("exemplars", "Exemplars")
                direction = gr.Radio(
                    directions, value=directions[0][1], label="Direction"
                )
                strength = gr.Slider(
                    0.0, 1.0, 1.0, step=0.05, label="Strength of the style"
                )
                blend = gr.Slider(
                    0.0,
                    1.0,
                    0.5,
                    step=0.05,
                    label="Blend of the first two exemplars",
                    info="0: the first, 1: the second",
                )
                button = gr.Button("Translate", variant="primary")
            with gr.Column():
                translations = gr.Gallery(
                    label="Translations",
                    elem_id="translations",
                    format="png",
                    columns=3,
                    height=HEIGHT,
                    object_fit="contain",
                    interactive=False,
                )
                # gr.Image would show small images small; a Gallery enlarges them.
                mask = gr.Gallery(
                    label="Feature mask",
                    format="png",
                    columns=3,
                    fit_columns=False,
                    height=HEIGHT,
                    object_fit="contain",
                    interactive=False,
                )
                time_taken = gr.Textbox(label="Time taken", interactive=False)
        inputs = [source, exemplars, direction, strength, blend]
        button.click(
            translate,
            inputs,
            [translations, mask, time_taken],
            api_name="translate",
            concurrency_limit=1,
        )
        if examples:
            table = _table(examples)
            table.click(
                lambda row: ([examples[row][0]], *examples[row][1:]),
                table,
                inputs[:3],
                api_name=False,
            )
        gr.Markdown(told)
    return blocks.queue(max_size=WAITING)


def launch(blocks, host, port, most_megabytes, root_path=""):
    """Serves the page in the background; returns its address.

    root_path: under which a proxy shows the page; empty where there is none.

    Raises:
      UserError: where the port is taken.
    """
    try:
        _, url, _ = blocks.launch(
            server_name=host,
            server_port=port,
            max_file_size=f"{most_megabytes}mb",
            root_path=root_path.rstrip("/") or None,
            theme=THEME,
            prevent_thread_lock=True,
            share=False,
            ssr_mode=False,
            quiet=True,
        )
    except OSError as error:
        raise UserError(
            f"--host={host}, --port={port}: expected a free port, found: {error}"
        ) from error
    return url


def _upload(name, label):
    # Of Gradio's components the one that leaves a file as it is: its Image would turn
    # and convert it, and complain in its own words.
    return gr.Gallery(
        label=label,
        elem_id=name,
        type="filepath",
        file_types=["image"],
        sources=["upload", "clipboard"],
        columns=2,
        height=HEIGHT,
        object_fit="contain",
        interactive=True,
    )


def _table(examples):
    """What fills the form at a click. Not gr.Examples, whose cells hold one image."""
    cells = [gr.Image(visible=False) for _ in range(3)]
    return gr.Dataset(
        components=[*cells, gr.Textbox(visible=False)],
        samples=[[s, *exemplars, LABELS[d]] for s, exemplars, d in examples],
        headers=["Source", "Exemplar 1", "Exemplar 2", "Direction"],
        label="Examples: click one, then Translate",
        type="index",
    )


def _paths(files):
    """The paths in a Gallery's value."""
    return [path for path, _ in files or []]

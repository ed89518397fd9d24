"""Files in, a server's translations out: batches, requests under way at once."""

import io
from concurrent import futures

from absl import logging
from PIL import Image
from tqdm import tqdm

from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.export.clients.call import REFUSED, CallFailed
from egsc_tf.inference import origin
from egsc_tf.inference.pairing import plan
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.files import write_whole

SERVED = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")  # how a JPEG and a PNG file start


def translate_files(
    client,
    inputs,
    exemplars,
    output,
    direction="a2b",
    pairing="all",
    strength=1.0,
    batch_size=1,
    concurrency=4,
    own_size=False,
    overwrite=False,
):
    """Translates files through a server into the folder `output`.

    Each exemplar's style is encoded once. What the server does not read (`sent`) is
    sent as PNG. Files that cannot be read or that the server refuses are left out; any
    other failure ends the run, and what was written by then stays.

    Args:
      client: egsc_tf.export.client.Client.
      inputs, exemplars: lists of paths.
      output: folder of the PNG files.
      direction: "a2b" or "b2a".
      pairing: "all", every input with every exemplar, or "zip", the i-th with the i-th.
      strength: 0 to 1.
      batch_size: images of one request.
      concurrency: requests under way at once.
      own_size: see Client.translate_bytes.
      overwrite: whether results of other exemplars, inputs or settings are replaced.

    Returns:
      (number of files written, messages about files left out).

    Raises:
      UserError: for pairs that do not match up, an output that cannot be written or
        would replace another result, and where no exemplar is usable.
      CallFailed: where the server does not do its part.
    """
    jobs = plan(inputs, exemplars, output, pairing)
    model = f"{client.model} at own sizes" if own_size else client.model
    origins = origin.Origins(exemplars, model, direction, strength)
    if not overwrite:
        origins.check(jobs, output)
    styles = {}

    def encode(batch):
        exemplars = [sent(path) for (path,) in batch]
        codes = client.encode_style_bytes(exemplars, direction, own_size)
        styles.update((path, code) for (path,), code in zip(batch, codes))

    def translate(batch):
        contents = [sent(path) for path, _, _ in batch]
        codes = [styles[exemplar] for _, exemplar, _ in batch]
        made = client.translate_with_style_bytes(
            contents, codes, strength, direction, own_size
        )
        for (path, exemplar, file), image in zip(batch, made):
            write_whole(file, origin.noted(image, origins.of(path, exemplar)))

    with futures.ThreadPoolExecutor(concurrency) as pool:
        tasks = [(path,) for path in exemplars]
        refused = _in_batches(pool, encode, tasks, batch_size, "exemplar")
        if not styles:
            raise UserError(
                f"--exemplar: expected a usable image, found none: {_listed(refused)}"
            )
        tasks = [
            (path, exemplar, file)
            for path, outputs in jobs
            for exemplar, file in outputs.items()
            if exemplar in styles
        ]
        now = _in_batches(pool, translate, tasks, batch_size, "image")
    return len(tasks) - len(now), _listed(refused + now)


def _in_batches(pool, call, tasks, batch_size, unit):
    """call(batch) for all tasks; those of a refused batch each by themselves.

    Returns:
      [(task, error)] of those that were refused, or that cannot be read.
    """

    def guarded(batch):
        try:
            call(batch)
        except (CallFailed, images.BadImage) as error:
            if isinstance(error, CallFailed) and error.code != REFUSED:
                raise
            if len(batch) == 1:
                return [(batch[0], error)]
            return [refused for task in batch for refused in guarded([task])]
        return []

    under_way = {}
    for first in range(0, len(tasks), batch_size):
        batch = tasks[first : first + batch_size]
        under_way[pool.submit(guarded, batch)] = len(batch)
    refused = []
    with tqdm(total=len(tasks), unit=unit) as bar:
        try:
            for done in futures.as_completed(under_way):
                refused += done.result()
                bar.update(under_way[done])
        except CallFailed:
            count = counted(len(tasks), unit)
            logging.warning("%d of %s were done before a call failed", bar.n, count)
            raise
        finally:
            for future in under_way:
                future.cancel()
    return refused


def _listed(refused):
    """A message for each file, whichever of its translations was refused."""
    messages = {
        task[0]: str(error)
        if isinstance(error, images.BadImage)
        else f"{task[0]}: {error}"
        for task, error in refused
    }
    return [messages[path] for path in sorted(messages)]


def sent(path):
    """The bytes of a file as a server reads them.

    JPEG and PNG go as they are; what else training reads goes as PNG, and so does CMYK,
    whose colour profile no server follows. Raises BadImage.
    """
    with images.open_file(path) as file:
        if _is_served(file):
            return file.read()
        pixels = images.decode(file, path).pixels
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, format="PNG")
    return made.getvalue()


def _is_served(file):
    """Whether to send a file as it is; also where the server will say what is wrong."""
    start = file.read(max(map(len, SERVED)))
    file.seek(0)
    if not start.startswith(SERVED):
        return False
    try:
        with images.open_image(file) as image:
            return image.mode != "CMYK"
    except Exception:  # Pillow's readers raise many kinds.
        return True
    finally:
        file.seek(0)

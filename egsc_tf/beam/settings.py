"""What the pipeline translates, and how; without Beam, so that --help needs none."""

import dataclasses

from egsc_tf.inference.pairing import FileFlags, Strength
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import like, setting


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is translated, and how. Inputs, exemplars and output are of this machine, or
    gs://, s3://.

    Attributes:
      exemplars: the paths of the pattern `exemplar`.
      model_sha256: set by `pipeline.translate`.
    """

    saved_model: str = setting(
        None,
        "MODELS/NAME/VERSION, of egsc_tf.export.saved_model.",
        required=True,
        path=paths.READ,
    )
    input: str = setting(
        None,
        "Pattern of the images, such as 'DIR/*.png'.",
        required=True,
        path=paths.READ,
    )
    exemplar: str = setting(
        None, "Image or pattern of styles.", required=True, path=paths.READ
    )
    output: str = like(FileFlags, "output")
    direction: str = like(FileFlags, "direction")
    strength: float = like(Strength, "strength")
    overwrite: bool = like(FileFlags, "overwrite")
    batch_size: int = setting(8, "Images of one call of the networks.", least=1)
    tfrecords: bool = setting(False, "Also write OUTPUT/images-*.tfrecord.")
    exemplars: tuple[str, ...] = ()
    model_sha256: str = ""

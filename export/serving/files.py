"""What TensorFlow Serving reads beside the SavedModel: warm-up requests and configs.

VERSION/assets.extra/tf_serving_warmup_requests is replayed when a version is loaded, so
that no user waits for the first run of a signature. The configs stand in the folder of
all models:

MODELS/
  models.config        which models to serve: every folder here that holds a version
  batching.config      how requests are put together, where the server is asked to
  monitoring.config    metrics for Prometheus
  docker-compose.yaml  starts the server's image on this folder
"""

import json
import os

import numpy as np
import tensorflow as tf

from egsc_tf.export.serving.graph import inputs_of
from egsc_tf.runtime import extras
from egsc_tf.runtime.files import write_whole

REPORT = "report.json"  # of a version, by model_card
WARMUP = os.path.join("assets.extra", "tf_serving_warmup_requests")
# Where the server's image has the folder of all models.
MOUNT = "/models"
IMAGE = "tensorflow/serving:2.15.1"
GRPC_PORT, REST_PORT = 8500, 8501


def example_inputs(function, batch, size):
    """{name: array}: valid inputs of a signature, noise of a fixed seed.

    Args:
      function: concrete function, of `graph.ServedTranslator.signatures`.
      batch, size: of its images, size as (height, width).
    """
    random = np.random.RandomState(0)

    def make(name, spec):
        images = random.randint(0, 256, [batch, *size, 3]).astype(np.uint8)
        if spec.dtype == tf.uint8:
            return images
        if spec.dtype == tf.string:
            return np.array([tf.io.encode_png(x).numpy() for x in images], object)
        if name == "strength":
            return np.ones([batch], np.float32)
        return random.standard_normal([batch, spec.shape[1]]).astype(np.float32)

    return {name: make(name, spec) for name, spec in inputs_of(function).items()}


def serving_apis():
    """The modules of warm-up requests. Raises UserError where they are missing."""
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise extras.missing("serving", error, "warm-up requests") from error
    return predict_pb2, prediction_log_pb2


def write_warmup(folder, name, served, batch_sizes):
    """Writes one request for each signature and batch size.

    Args:
      folder: of the version; name: of the model.
      served: graph.ServedTranslator.

    Raises:
      UserError: as `serving_apis`.
    """
    predict_pb2, prediction_log_pb2 = serving_apis()
    path = os.path.join(folder, WARMUP)
    os.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for signature, function in served.signatures.items():
            for batch in batch_sizes:
                request = predict_pb2.PredictRequest()
                request.model_spec.name = name
                request.model_spec.signature_name = signature
                values = example_inputs(function, batch, served.size)
                for key, value in values.items():
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictionLog(
                    predict_log=prediction_log_pb2.PredictLog(request=request)
                )
                writer.write(log.SerializeToString())


def versions(model_folder):
    """Sorted version numbers of a model's folder; [] where there is none."""
    if not os.path.isdir(model_folder):
        return []
    names = os.listdir(model_folder)
    return sorted(int(n) for n in names if n.isdecimal() and str(int(n)) == n)


def write_configs(models):
    """Writes the configs of the folder of all models."""
    names = sorted(n for n in os.listdir(models) if versions(os.path.join(models, n)))
    sizes = [_batch_sizes(os.path.join(models, name)) for name in names]
    files = {
        "models.config": _models_config(names),
        "batching.config": _batching_config([each for each in sizes if each]),
        "monitoring.config": (
            "prometheus_config {\n"
            "  enable: true\n"
            '  path: "/monitoring/prometheus/metrics"\n'
            "}\n"
        ),
        "docker-compose.yaml": _docker_compose(),
    }
    for name, text in files.items():
        path = os.path.join(models, name)
        write_whole(path, text)


def _models_config(names):
    entries = "".join(
        "  config {\n"
        f'    name: "{name}"\n'
        f'    base_path: "{MOUNT}/{name}"\n'
        '    model_platform: "tensorflow"\n'
        "  }\n"
        for name in names
    )
    return f"model_config_list {{\n{entries}}}\n"


def _batch_sizes(model_folder):
    """Those that the newest version of a model was exported with; None: not by us."""
    path = os.path.join(model_folder, str(versions(model_folder)[-1]), REPORT)
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file).get("settings", {}).get("batch_sizes")


def _batching_config(batch_sizes):
    """The server has one for all models: no batch larger than the largest of each.

    Small waits: one translation takes longer than a few milliseconds.
    """
    largest = min(sizes[-1] for sizes in batch_sizes)
    small = sorted({n for sizes in batch_sizes for n in sizes if n <= largest})
    allowed = "".join(f"allowed_batch_sizes: {size}\n" for size in small)
    return (
        f"max_batch_size {{ value: {largest} }}\n"
        "batch_timeout_micros { value: 2000 }\n"
        "max_enqueued_batches { value: 100 }\n"
        f"num_batch_threads {{ value: {os.cpu_count()} }}\n{allowed}"
    )


def _docker_compose():
    options = [
        f"--model_config_file={MOUNT}/models.config",
        "--model_config_file_poll_wait_seconds=30",
        f"--monitoring_config_file={MOUNT}/monitoring.config",
    ]
    lines = "".join(f"      - {option}\n" for option in options)
    return (
        "services:\n"
        "  egsc_tf:\n"
        f"    image: {IMAGE}\n"
        f"    command:\n{lines}"
        "      # Merges requests, at a price: see Serve in the documentation.\n"
        "      # - --enable_batching\n"
        f"      # - --batching_parameters_file={MOUNT}/batching.config\n"
        "    ports:\n"
        f'      - "127.0.0.1:{GRPC_PORT}:{GRPC_PORT}"\n'
        f'      - "127.0.0.1:{REST_PORT}:{REST_PORT}"\n'
        "    volumes:\n"
        f"      - .:{MOUNT}:ro\n"
    )

"""What a run counts, as metrics of Beam, which the engines add up over all workers."""

from apache_beam.metrics import Metrics, MetricsFilter

NAMESPACE = "egsc_tf"
FOUND, TRANSLATED, RIGHT = "found", "translated", "already_right"
DEAD_LETTERS, STYLES = "dead_letters", "styles"


def add(name):
    Metrics.counter(NAMESPACE, name).inc()


def read(result):
    """{name: count} of a pipeline's result."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    counts = {c.key.metric.name: c.result for c in found["counters"]}
    names = (FOUND, TRANSLATED, RIGHT, DEAD_LETTERS, STYLES)
    return {name: counts.get(name, 0) for name in names}

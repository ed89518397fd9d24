"""What a run counts, as metrics of Beam, which its engines add up over all workers."""

from apache_beam.metrics import Metrics, MetricsFilter

NAMESPACE = "egsc_tf"
FOUND, TRANSLATED, RIGHT = "found", "translated", "already_right"
DEAD_LETTERS, STYLES = "dead_letters", "styles"


def add(name):
    Metrics.counter(NAMESPACE, name).inc()


def read(result):
    """{name: count} of a pipeline's result."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    counts = dict.fromkeys((FOUND, TRANSLATED, RIGHT, DEAD_LETTERS, STYLES), 0)
    for counter in found["counters"]:
        counts[counter.key.metric.name] += counter.result
    return counts

"""The contract server's merging of requests."""

import threading
import time
from concurrent import futures

import numpy as np
import pytest
from contract_server.merging import Merging

LONG = 20.0


def together(merging, run, requests):
    """The answers of requests that come at once."""
    with futures.ThreadPoolExecutor(len(requests)) as pool:
        tasks = [pool.submit(merging.run, run, "key", each) for each in requests]
        return [task.exception() or task.result() for task in tasks]


def until(holds):
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def rows(*values):
    return {"x": np.array(values, np.float32)}


def doubled(batches):
    def run(inputs):
        batches.append(inputs["x"].tolist())
        return {"y": 2 * inputs["x"]}

    return run


def test_each_request_gets_its_own_rows_of_one_batch():
    batches = []
    answers = together(
        Merging((1, 2, 4), LONG), doubled(batches), [rows(1), rows(2), rows(3, 4)]
    )
    assert [list(a["y"]) for a in answers] == [[2], [4], [6, 8]]
    assert [sorted(batch) for batch in batches] == [[1, 2, 3, 4]]


def test_a_batch_that_is_not_full_runs_after_its_wait_filled_up():
    batches = []
    (answer,) = together(Merging((1, 4), 0.01), doubled(batches), [rows(1, 2)])
    assert answer["y"].tolist() == [2, 4]
    assert batches == [[1, 2, 1, 1]]


@pytest.mark.parametrize(
    "alone",
    [rows(1, 2), {**rows(1), "z": np.ones([2])}, rows(), {"x": np.float32(1)}, {}],
)
def test_what_cannot_be_merged_runs_as_it_is(alone):
    seen = []
    Merging((1, 2), LONG).run(seen.append, "key", alone)
    assert seen == [alone]


def test_rows_of_other_types_are_not_merged():
    batches = []
    wide = {"x": np.array([2.0], np.float64)}
    together(Merging((1, 2), 0.01), doubled(batches), [rows(1), wide])
    assert sorted(batches) == [[1], [2]]


def test_a_failure_is_that_of_all():
    def run(_):
        raise ValueError("broken")

    answers = together(Merging((2,), LONG), run, [rows(1), rows(2)])
    assert [str(answer) for answer in answers] == ["broken", "broken"]


def test_requests_wait_together_while_every_thread_is_busy():
    merging, batches = Merging((1, 2, 4), 0.0, threads=1), []
    began, goes_on = threading.Event(), threading.Event()

    def slow(inputs):
        began.set()
        goes_on.wait(LONG)
        return doubled(batches)(inputs)

    with futures.ThreadPoolExecutor(4) as pool:
        first = pool.submit(merging.run, slow, "key", rows(0))
        began.wait(LONG)
        later = []
        for some, waiting in ((rows(1), [1]), (rows(2), [2]), (rows(3, 4), [])):
            later.append(pool.submit(merging.run, slow, "key", some))
            until(lambda n=waiting: [b.rows for b in [*merging._open.values()]] == n)
        goes_on.set()
        answers = [task.result()["y"].tolist() for task in [first, *later]]
    assert answers == [[0], [2], [4], [6, 8]]
    assert [sorted(batch) for batch in batches] == [[0], [1, 2, 3, 4]]

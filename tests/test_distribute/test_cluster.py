"""Several workers: TF_CONFIG, the rendezvous, agreement, and one short run of two."""

import dataclasses
import json
import os
import socket
import sys
import threading
import time
import types

import kubernetes_validate
import pytest
import tensorflow as tf
import yaml
from support.paths import REPOSITORY
from support.runs import TINY
from support.two_workers import both, curve, ends

from egsc_tf import config as config_lib
from egsc_tf import local_workers
from egsc_tf.config import Config
from egsc_tf.distribute import rendezvous, strategies
from egsc_tf.distribute import tf_config as cluster
from egsc_tf.distribute.workers import Workers
from egsc_tf.errors import Interrupted, LostWorker, UserError
from egsc_tf.training import divergence
from egsc_tf.training.interruption import Interruption

CONFIG = Config(**TINY)
DOCS = os.path.join(REPOSITORY, "docs", "guides")


def tf_config(jobs, kind="worker", index=0):
    return json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})


def test_no_tf_config_is_no_cluster_and_one_worker_is_none(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert cluster.from_environment() is None
    for none in ("", "{}", '{"cluster": {}}', '{"environment": "cloud"}'):
        monkeypatch.setenv("TF_CONFIG", none)
        assert cluster.from_environment() is None
    monkeypatch.setenv("TF_CONFIG", tf_config({"chief": ["a:1"]}, "chief"))
    assert cluster.from_environment() is None


@pytest.mark.parametrize(
    ("kind", "index", "ours"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)]
)
def test_the_chief_comes_first(monkeypatch, kind, index, ours):
    jobs = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    monkeypatch.setenv("TF_CONFIG", tf_config(jobs, kind, index))
    found = cluster.from_environment()
    assert found == cluster.Cluster(("a:1", "b:1", "c:1"), ours)
    assert found.is_chief == (kind == "chief")


TWO = {"worker": ["a:1", "b:1"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON as .*, found '{'"),
        ("[]", "expected JSON as"),
        ('{"cluster": {"worker": ["a:1"]}}', "expected JSON as"),
        ('{"cluster": []}', "expected JSON as"),
        (tf_config(TWO, index="first"), "expected JSON as"),
        (tf_config({**TWO, "ps": ["c:1"]}), "chief and worker only, found 'ps'"),
        (tf_config(TWO, "evaluator"), "chief and worker only, found 'evaluator'"),
        (tf_config({"worker": ["a:1", "b"]}), r"HOST:PORT for 'worker', found \['a:1"),
        (tf_config({"worker": ["a:1", "b:70000"]}), "HOST:PORT for 'worker'"),
        (tf_config({"worker": "a:1"}), "HOST:PORT for 'worker'"),
        (tf_config({"worker": ["a:1", "a:1"]}), "an address of its own"),
        (tf_config({**TWO, "chief": ["c:1", "d:1"]}), "one chief, found 2"),
        (tf_config(TWO, index=2), "index below the 2 of type 'worker', found 2"),
        (tf_config(TWO, index=-1), "index below the 2 of type 'worker', found -1"),
        (tf_config(TWO, "chief"), "index below the 0 of type 'chief', found 0"),
    ],
)
def test_a_bad_tf_config_is_one_clear_error(monkeypatch, text, message):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match=f"TF_CONFIG: expected .*{message}|{message}"):
        strategies.choose(CONFIG)


def test_the_batch_must_divide_by_the_replicas(monkeypatch):
    config = dataclasses.replace(CONFIG, batch_size=3)
    refused = pytest.raises(UserError, match="--batch_size: expected a multiple of the")
    monkeypatch.setenv("TF_CONFIG", tf_config(TWO))
    with refused:  # before it waits for anyone
        strategies.choose(config)
    monkeypatch.delenv("TF_CONFIG")

    class Two:
        num_replicas_in_sync = 2

    monkeypatch.setattr(tf.distribute, "get_strategy", Two)
    with refused:
        strategies.choose(config)


def test_a_tpu_and_several_workers_exclude_each_other(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(TWO))
    with pytest.raises(UserError, match="--tpu=local: expected no TF_CONFIG"):
        strategies.choose(CONFIG, tpu="local")


@pytest.mark.slow  # TensorFlow looks for one for half a minute
def test_a_host_without_a_tpu_says_so():
    with pytest.raises(UserError, match="--tpu=local: expected a TPU, found none: .+"):
        strategies.choose(CONFIG, tpu="local")


def meet_all(facts, seconds=20, before=lambda addresses: None):
    """What rendezvous.meet raised in each of the workers with these facts."""
    addresses = tuple(local_workers.free_addresses(len(facts)))
    raised = [None] * len(facts)

    def meet(index):
        try:
            ours = cluster.Cluster(addresses, index)
            rendezvous.meet(ours, facts[index], seconds)
        except Exception as error:
            raised[index] = error

    threads = [
        threading.Thread(target=meet, args=[i])
        for i in range(len(facts))
        if facts[i] is not None
    ]
    for thread in threads[:1]:
        thread.start()
    before(addresses)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_workers_with_the_same_facts_meet():
    assert meet_all([{"--seed": 1}] * 3) == [None] * 3


def test_all_workers_are_told_which_one_differs_and_how():
    raised = meet_all([{"--seed": 1, "x": 2}, {"--seed": 1, "x": 2}, {"--seed": 3}])
    assert {type(error) for error in raised} == {UserError}
    assert len({str(error) for error in raised}) == 1
    assert "worker 2 (" in str(raised[0])
    assert "--seed is 3 there and 1 at the chief" in str(raised[0])
    assert "x is None there and 2 at the chief" in str(raised[0])


def test_workers_that_do_not_come_are_named_to_all():
    raised = meet_all([{}, {}, None], seconds=1)
    assert {type(error) for error in raised[:2]} == {LostWorker}
    assert str(raised[0]) == str(raised[1])
    assert "worker 2 (" in str(raised[0])
    assert "worker 1 (" not in str(raised[0])


def test_a_chief_that_does_not_come_is_named(monkeypatch):
    monkeypatch.setattr(rendezvous, "PATIENCE_SECONDS", 0.1)
    raised = meet_all([None, {}], seconds=0.1)
    assert isinstance(raised[1], LostWorker)
    assert "worker 0 (" in str(raised[1])


def connected(address):
    host, _, port = address.rpartition(":")
    while True:
        try:
            return socket.create_connection((host, int(port)), 5)
        except OSError:
            time.sleep(0.01)


def test_strangers_and_a_worker_that_died_waiting_do_no_harm():
    def before(addresses):
        with connected(addresses[0]) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with connected(addresses[0]) as stranger:
            stranger.sendall(b'{"worker": 9, "facts": {}}\n')
        with connected(addresses[0]) as stranger:
            stranger.sendall(b'{"worker": 2, "facts": 7}\n')
        with connected(addresses[0]) as dead:
            dead.sendall(b'{"worker": 1, "facts": {"--seed": 2}}\n')

    assert meet_all([{"--seed": 1}] * 3, before=before) == [None] * 3


def test_an_address_in_use_is_named():
    with socket.create_server(("", 0)) as other:
        addresses = ("localhost:1", f"localhost:{other.getsockname()[1]}")
        with pytest.raises(UserError, match=f"expected {addresses[1]} free for this"):
            rendezvous.meet(cluster.Cluster(addresses, 1), {})


def test_flags_must_agree_but_data_may_lie_elsewhere_on_each_host():
    facts = config_lib.facts(CONFIG)
    moved = dataclasses.replace(CONFIG, data_dir="/scratch")
    assert config_lib.facts(moved) == facts
    vgg = dataclasses.replace(CONFIG, perceptual_network="/here/vgg.h5")
    there = dataclasses.replace(CONFIG, perceptual_network="/there/vgg.h5")
    assert config_lib.facts(vgg) == config_lib.facts(there)
    assert facts["--perceptual_network"] == CONFIG.perceptual_network
    longer = dataclasses.replace(CONFIG, total_steps=7)
    assert config_lib.facts(longer) == {**facts, "--total_steps": 7}


class SecondOfTwo(Workers):
    """Workers whose other one says `said` to each question."""

    def __init__(self, said=False):
        super().__init__(tf.distribute.get_strategy())
        self.cluster = cluster.Cluster(("a:1", "b:1"), 1)
        self.said, self.asked = said, []

    def any(self, flag):
        self.asked.append(flag)
        return flag or self.said


ABORTED = (
    "{{function_node __wrapped__X_device_/job:worker/replica:0/task:1/device:CPU:0}} "
    "Collective ops is aborted by: Connection reset by peer\nAdditional GRPC error "
    "information from remote target /job:worker/replica:0/task:0 while calling X"
)


def test_a_lost_worker_is_named():
    named = pytest.raises(LostWorker, match=r"TF_CONFIG, worker 0, .*\(Connection")
    with named, SecondOfTwo().lost():
        raise tf.errors.UnavailableError(None, None, ABORTED)


def test_other_errors_stay_what_they_are():
    with pytest.raises(tf.errors.UnavailableError), SecondOfTwo().lost():
        raise tf.errors.UnavailableError(None, None, "something else")


def test_a_signal_to_another_worker_saves_here_too():
    class Model:
        steps_done = staticmethod(lambda: 7)

    saved, workers = [], SecondOfTwo(said=True)
    interruption = Interruption(lambda: saved.append(len(workers.asked)), workers)
    interruption.set_model(Model())
    with pytest.raises(Interrupted, match="signal to another worker: saved at step 7"):
        interruption.on_train_batch_end(0)
    # Asked once before the chief saves; and waited for it behind that.
    assert saved == [1]
    assert workers.asked == [False, False]


def test_a_value_that_is_not_finite_on_one_replica_stops_all(two_replicas):
    def step(value):
        bad = divergence.not_finite({"fine": tf.constant(1.0), "x_a": value})
        bad = tf.distribute.get_replica_context().all_reduce("MEAN", bad)
        checked.note(bad, where=checked.all_finite())
        return checked.all_finite()

    values = two_replicas.experimental_distribute_values_from_function(
        lambda context: tf.constant(
            [1.0, float("nan")][context.replica_id_in_sync_group]
        )
    )
    with two_replicas.scope():
        checked = divergence.Checked(["fine", "x_a"])
    run = tf.function(lambda: two_replicas.run(step, args=(values,)))
    for going in two_replicas.experimental_local_results(run()):
        assert not going
    assert checked.found() == ["x_a"]


@pytest.mark.cluster
def test_two_workers_train_and_only_the_chief_writes(tmp_path):
    workdir, other = tmp_path / "run", tmp_path / "other"
    # Few losses, for a small graph.
    without = [f"--{x}_weight=0" for x in ("style", "content", "cycle", "cycle_kl")]
    without.append(
        f"--style_loss={Config.style_loss}"
    )  # has no effect, so not the demo's
    flags = ("--mask_steps=1", "--total_steps=1", f"--workdir={workdir}", *without)
    # Could not be written to, and is not.
    found = ends(both(*flags, second=[f"--workdir={other}"]))
    assert [code for code, _ in found] == [0, 0], found
    assert not other.exists()
    assert "step/s" in found[0][1]
    assert "step/s" not in found[1][1]
    assert all("each with 2 images of each domain in a batch" in x for _, x in found)
    assert (workdir / "translation" / "ckpt-1.index").is_file()
    assert not (workdir / "run.lock").exists()
    assert curve(workdir, "translation")[1, "G/total"] > 0.0


def test_the_launcher_ends_all_where_one_fails():
    class Process:
        returncode = None

        def __init__(self, *codes):
            self.codes = list(codes)

        def poll(self):
            self.returncode = self.codes.pop(0) if self.codes[1:] else self.codes[0]
            return self.returncode

        def kill(self):
            self.codes = [-9]

    assert local_workers.wait([Process(None, None), Process(None, 3)], grace=0.0) == 3
    assert local_workers.wait([Process(None, 0), Process(None, None, 0)]) == 0
    assert local_workers.wait([Process(None, 0), Process(None, -9)]) == 137


def manifest():
    with open(os.path.join(DOCS, "kubernetes.yaml"), encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


def lint(documents):
    for document in documents:
        kubernetes_validate.validate(document, "1.34", strict=True)


def test_the_manifest_is_one_of_kubernetes_and_fits_together():
    service, job = documents = manifest()
    lint(documents)
    pods, name = job["spec"]["template"], service["metadata"]["name"]
    assert service["spec"]["selector"].items() <= pods["metadata"]["labels"].items()
    assert pods["spec"]["subdomain"] == name == job["metadata"]["name"]
    assert job["spec"]["completions"] == job["spec"]["parallelism"]
    container = pods["spec"]["containers"][0]
    environment = {e["name"]: e["value"] for e in container["env"]}
    assert environment["WORKERS"] == str(job["spec"]["completions"])
    assert (
        75 not in job["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"]
    )


@pytest.mark.parametrize("kind", [0, 1])
def test_the_lint_refuses_a_wrong_manifest(kind):
    documents = manifest()
    documents[kind]["spec"]["selctor"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="selctor"):
        lint(documents)
    documents = manifest()
    documents[1]["spec"]["completions"] = "two"
    with pytest.raises(kubernetes_validate.ValidationError, match="two"):
        lint(documents)


def test_a_worker_is_read_to_its_end_where_nobody_listens(monkeypatch):
    class Closed:
        def write(self, text):
            raise OSError(5, "Input/output error")

        flush = write

    monkeypatch.setattr(sys, "stdout", Closed())
    worker = types.SimpleNamespace(stdout=iter(["one\n", "two\n"]))
    local_workers.show(0, worker)
    assert list(worker.stdout) == []

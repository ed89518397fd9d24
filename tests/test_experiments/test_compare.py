"""The scripts that put other methods beside a run, on a run that was not trained."""

import json
import shutil
import sys

import numpy as np
import pytest
from support import runs
from support.files import save
from support.paths import REPOSITORY

from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.evaluation import scoring
from egsc_tf.evaluation.settings import Settings

sys.path.insert(0, str(REPOSITORY / "experiments" / "compare"))
import score as score_lib  # noqa: E402
import write_pairs as write_lib  # noqa: E402

METRICS = ("fid", "perceptual", "exemplar_rank")
COUNT = 10


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A folder with a run, its pairs and its translations."""
    folder = tmp_path_factory.mktemp("compare")
    random = np.random.RandomState(0)
    for place in ("trainA", "trainB", "testA", "testB"):
        (folder / "data" / place).mkdir(parents=True)
        for n in range(COUNT):
            level = 40 + 8 * n + 40 * place.endswith("B")
            pixels = level + random.randint(0, 60, (16, 16, 3))
            save(folder / "data" / place / f"{n}.png", pixels.astype(np.uint8))
    runs.untrained(
        folder / "run",
        dataset="folder",
        data_dir=str(folder / "data"),
        latent_noise=0.0,
    )
    flags = write_lib.Flags(
        workdir=str(folder / "run"),
        output=str(folder / "pairs"),
        translations=str(folder / "ours"),
    )
    assert write_lib.write_pairs(flags) == {"a2b": COUNT, "b2a": COUNT}
    return folder


def flags_of(folder, *translations, **more):
    return score_lib.Flags(
        pairs=str(folder / "pairs"),
        translations=tuple(str(folder / name) for name in translations),
        output=str(folder / "scores"),
        **more,
    )


def test_pairs_are_those_that_are_scored(pairs):
    for part in ("source", "exemplar"):
        files = sorted((pairs / "pairs" / "b2a" / part).iterdir())
        assert [file.name for file in files] == [f"{n:05d}.png" for n in range(COUNT)]
    source = images.read(pairs / "pairs" / "b2a" / "source" / "00003.png")
    np.testing.assert_array_equal(
        source, images.read(pairs / "data" / "testB" / "3.png")
    )
    with pytest.raises(UserError, match="--output=.*: expected a new or empty folder"):
        write_lib.write_pairs(
            write_lib.Flags(workdir=str(pairs / "run"), output=str(pairs / "pairs"))
        )


def test_scores_are_those_of_evaluate(pairs, monkeypatch):
    found = score_lib.score(flags_of(pairs, "ours"), Settings(metrics=METRICS))
    assert list(found) == ["untranslated", "colours only", "ours"]
    monkeypatch.setattr(scoring, "train_seconds", lambda *args: None)
    expected = scoring.evaluate(
        str(pairs / "run"), Settings(metrics=METRICS), str(pairs / "results")
    )
    for name in ("fid", "content_distance", "style_distance", "exemplar_rank"):
        for direction in ("a2b", "b2a"):
            key = f"{name}_{direction}"
            # Files hold 8 bits, of which evaluate measures some distances before.
            assert found["ours"][key] == pytest.approx(expected[key], rel=0.02), key
    untranslated = found["untranslated"]
    assert untranslated["content_distance_a2b"] == pytest.approx(0.0, abs=1e-6)
    assert untranslated["fid_a2b"] == pytest.approx(expected["fid_untranslated_a2b"])
    assert (
        found["colours only"]["style_distance_a2b"]
        < 0.7 * (untranslated["style_distance_a2b"])
    )
    table = score_lib.table(found)
    assert len(table.splitlines()) == 5
    assert "| ours | " in table


def test_the_exemplars_themselves_are_of_the_best_rank(pairs):
    for direction in ("a2b", "b2a"):
        shutil.copytree(
            pairs / "pairs" / direction / "exemplar", pairs / "copies" / direction
        )
    flags = flags_of(pairs, "copies", directions=("a2b",))
    settings = Settings(metrics=("exemplar_rank",))
    score_lib.main(flags, settings)
    results = json.loads((pairs / "scores" / "scores.json").read_text())
    found = results["scores"]["copies"]
    assert found["exemplar_rank_a2b"] == 1.0
    assert "exemplar_rank_b2a" not in found
    assert results["settings"]["metrics"] == ["exemplar_rank"]
    assert results["caveats"]
    page = (pairs / "scores" / "scores.md").read_text()
    assert "| copies | 1 |" in page
    assert results["caveats"][0] in page


def test_what_cannot_be_scored_is_named(pairs, tmp_path):
    settings = Settings(metrics=("exemplar_rank",))
    with pytest.raises(UserError, match=r"none/a2b/00000\.png: expected an image"):
        score_lib.score(flags_of(pairs, "none"), settings)
    with pytest.raises(UserError, match="--metrics=diversity: expected some of fid,"):
        score_lib.score(flags_of(pairs), Settings(metrics=("diversity",)))
    with pytest.raises(UserError, match="--seed: expected what the pairs were .*, 0, "):
        score_lib.score(flags_of(pairs), Settings(metrics=METRICS, seed=3))
    with pytest.raises(UserError, match="expected different names, found ours"):
        score_lib.score(flags_of(pairs, "ours", "ours"), settings)
    flags = score_lib.Flags(pairs=str(tmp_path), output=str(tmp_path))
    with pytest.raises(UserError, match=r"expected what write_pairs\.py wrote"):
        score_lib.score(flags, settings)
    shutil.copytree(pairs / "pairs", tmp_path / "pairs")
    save(
        tmp_path / "pairs" / "a2b" / "source" / "00000.png",
        np.zeros([16, 16, 3], np.uint8),
    )
    with pytest.raises(UserError, match="expected the test images of .* a2b/source"):
        score_lib.score(flags_of(tmp_path), settings)

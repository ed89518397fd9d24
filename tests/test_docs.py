"""README.md, docs/ and the tutorial say what is there."""

import importlib.util
import json
import re
import sys

import pytest
from support.paths import REPOSITORY as ROOT

README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "experiments" / "README.md",
    ROOT / "experiments" / "compare" / "README.md",
    ROOT / "experiments" / "trials" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
TINY = """
SIZE, IMAGES, CHANNELS = 16, 4, 4
MASK_STEPS, STEPS = 2, 2
FOLDER = Path("tutorial")
"""

sys.path.insert(0, str(ROOT / "docs" / "hooks"))
import links  # noqa: E402


def name(page):
    return str(page.relative_to(ROOT))


def test_the_readme_stays_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_program_is_there(page):
    text = page.read_text(encoding="utf-8")
    programs = set(re.findall(r"-m\s+(egsc_tf(?:\.\w+)+)", text))
    missing = [p for p in programs if importlib.util.find_spec(p) is None]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_flagfile_is_there(page):
    text = page.read_text(encoding="utf-8")
    paths = set(re.findall(r"experiments/\w+\.flags", text)) - {
        "experiments/NAME.flags"
    }
    assert [path for path in paths if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page):
    assert links.broken(page) == []


def test_every_flagfile_is_in_the_table_of_experiments():
    text = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    files = [path.name for path in (ROOT / "experiments").glob("*.flags")]
    assert files
    assert [file for file in files if f"`{file}`" not in text] == []


def test_code_and_flagfiles_name_pages_that_are_there():
    files = [ROOT / "Makefile", *(ROOT / "experiments").glob("*.flags")]
    files += [*(ROOT / "egsc_tf").rglob("*.py"), *(ROOT / "export").rglob("*.py")]
    missing = []
    for file in files:
        for path in re.findall(r"docs/[\w/]+\.md", file.read_text(encoding="utf-8")):
            if not (ROOT / path).is_file():
                missing.append(f"{name(file)}: {path}")
    assert missing == []


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path, monkeypatch):
    """All code cells in their order, with tiny settings."""
    notebook = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    variables = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == []
        settings = "settings" in cell["metadata"].get("tags", ())
        exec(TINY if settings else "".join(cell["source"]), variables)
    assert (tmp_path / "tutorial" / "translations.png").is_file()
    assert variables["translation"].shape == (16, 16, 3)

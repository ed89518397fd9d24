"""What GitHub and readers are told agrees with the Makefile and the version."""

import ast
import re
import runpy
from unittest import mock

import pytest
import setuptools
import yaml
from support.paths import REPOSITORY as ROOT

from egsc_tf.version import __version__

GITHUB = sorted((ROOT / ".github").rglob("*.y*ml"))
WORKFLOWS = [path for path in GITHUB if path.parent.name == "workflows"]
CHANGE_LOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def targets():
    """The targets of the Makefile."""
    rules = re.findall(
        r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    return set(rules)


def called(job):
    """Every target of `make TARGET` in a job, for each value of its matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    for step in job["steps"]:
        for name in re.findall(r"\bmake (\$\{\{.+?\}\}|[\w-]+)", step.get("run", "")):
            key = re.fullmatch(r"\$\{\{ *matrix\.(\w+) *\}\}", name)
            yield from matrix[key[1]] if key else [name]


ONLY_IN_A_CHECKOUT = re.compile(r"docs/|experiments/|tests/|'\.\[|\bmake (serve|demo)")


def told(path):
    """The texts of a module that a user may read: all but the docstrings that only
    readers of the code see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    is_program = path.parent.name in ("egsc_tf", "export")
    for node in ast.walk(tree):
        # Its help text.
        has_docstring = isinstance(node, inner if is_program else (*inner, ast.Module))
        if has_docstring and ast.get_docstring(node) is not None:
            node.body[0].value.value = ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_no_message_names_what_a_wheel_lacks():
    """Titles of the documentation's pages stand for their files."""
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for package in ("egsc_tf", "export")
        for path in (ROOT / package).rglob("*.py")
        for text in told(path)
        for match in [ONLY_IN_A_CHECKOUT.search(text)]
        if match
    }
    assert not found
    pages = re.findall(r"'([^']+)': '", str(load(ROOT / "mkdocs.yml")["nav"]))
    assert {"Check your folders", "Several hosts", "Stop and resume"} <= {*pages}
    assert {"Serve", "Many images with Beam"} <= {*pages}


@pytest.mark.parametrize("path", GITHUB, ids=lambda path: path.name)
def test_every_file_is_yaml(path):
    assert isinstance(load(path), dict)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_call_targets_of_the_makefile(path):
    content = load(path)
    assert content["permissions"] == {"contents": "read"}
    names = [name for job in content["jobs"].values() for name in called(job)]
    assert names
    assert set(names) <= targets()


def test_every_slow_target_runs_nightly():
    jobs = load(ROOT / ".github" / "workflows" / "nightly.yml")["jobs"]
    names = {name for job in jobs.values() for name in called(job)}
    assert names == {name for name in targets() if name.startswith("test-")}


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_issue_forms_have_what_github_asks_for(name):
    form = load(ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml")
    assert {"name", "description", "body"} <= set(form)
    fields = [field["id"] for field in form["body"]]
    assert len(set(fields)) == len(fields)
    for field in form["body"]:
        assert field["type"] in ("textarea", "input", "dropdown", "checkboxes")
        assert field["attributes"]["label"]


def test_the_citation_is_of_this_version():
    citation = load(ROOT / "CITATION.cff")
    assert citation["version"] == __version__
    assert f"## [{__version__}] - {citation['date-released']}\n" in CHANGE_LOG
    paper = citation["preferred-citation"]
    assert paper["url"].endswith("1805.11145")
    assert paper["title"].startswith("Exemplar Guided Unsupervised Image-to-Image")


def test_the_packages_metadata_are_the_citations():
    with mock.patch.object(setuptools, "setup") as setup:
        runpy.run_path(str(ROOT / "setup.py"))
    found, citation = setup.call_args.kwargs, load(ROOT / "CITATION.cff")
    assert found["author"] == citation["authors"][0]["name"]
    assert found["license"] == citation["license"]
    assert found["keywords"] == ", ".join(citation["keywords"])
    paper = citation["preferred-citation"]["url"]
    assert found["project_urls"] == {"Paper": paper}
    least, most = re.fullmatch(
        r">=3\.(\d+),<3\.(\d+)", found["python_requires"]
    ).groups()
    versions = [f"3.{minor}" for minor in range(int(least), int(most))]
    prefix = "Programming Language :: Python :: "
    told = [c for c in found["classifiers"] if c.startswith(prefix)]
    assert told == [prefix + version for version in versions]
    assert "Operating System :: Microsoft" not in " ".join(found["classifiers"])


def test_the_change_log_has_a_section_for_this_version():
    headings = re.findall(r"^## (.+)$", CHANGE_LOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert headings[1].startswith(f"[{__version__}] - ")
    for heading in headings[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading)
    for kind in re.findall(r"^### (.+)$", CHANGE_LOG, re.MULTILINE):
        assert kind.split(":")[0] in {
            "Added",
            "Changed",
            "Deprecated",
            "Removed",
            "Fixed",
            "Security",
        }


def test_types_are_told_to_type_checkers():
    assert (ROOT / "egsc_tf" / "py.typed").read_bytes() == b""

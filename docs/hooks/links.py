"""Checks that every relative link of README.md and docs/*.md leads to a file.

MkDocs checks the links between pages; README.md and links to other files of the
repository are beyond it. Run by `make docs`: python docs/hooks/links.py
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(\s*<?([^)<>\s]+)>?[^)]*\)")
# Pages that docs/hooks/reference.py makes.
MADE = {"flags.md", "commands.md", "exit_codes.md"}


def pages():
    """All Markdown files of the repository's own."""
    own = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
    found = [ROOT / name for name in own]
    found += sorted((ROOT / "experiments").rglob("*.md"))
    return [*found, *sorted((ROOT / "docs").rglob("*.md"))]


def broken(page):
    """The relative links of a page that lead nowhere."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = []
    for target in LINK.findall(text):
        path = target.split("#")[0]
        if not path or re.match(r"[a-z]+:", path):
            continue
        goal = (page.parent / path).resolve()
        made = goal.parent == ROOT / "docs" / "reference" and goal.name in MADE
        if not (made or goal.exists()):
            links.append(target)
    return links


def main():
    wrong = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages()
        for target in broken(page)
    ]
    for line in wrong:
        print(f"broken link: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

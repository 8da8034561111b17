"""Documents keep their promises: links lead somewhere, generated files are current, fragments are well named."""

import re
from pathlib import Path

import pytest

from tools import gen_docs

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("path", [path for path, _ in gen_docs.GENERATED])
def test_generated_files_are_in_step_with_their_tables(path):
    assert path not in gen_docs.stale(), "run make docs"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document):
    broken = [
        target
        for target in LINK.findall(document.read_text())
        if "://" not in target and not (document.parent / target.partition("#")[0]).exists()
    ]
    assert not broken


def test_the_architecture_fits_one_reading():
    assert len((ROOT / "docs/architecture.md").read_text().splitlines()) <= 300


def test_the_architecture_names_modules_that_exist():
    text = (ROOT / "docs/architecture.md").read_text()
    dotted = set(re.findall(r"`((?:auth|catalog|console|core|engine|server|session|sql|storage)(?:\.\w+)+)`", text))
    assert len(dotted) > 15
    places = {name: ROOT / name.replace(".", "/") for name in dotted}
    # drain_grace_s is a key of section server, the only dotted word that is no module.
    absent = {name for name, place in places.items() if not (place.is_dir() or place.with_suffix(".py").is_file())}
    assert absent <= {"server.drain_grace_s"}


def test_decisions_are_numbered_short_and_have_a_status():
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text()
        assert text.startswith(f"# {int(record.name[:4])}. ")
        for part in ("Status: ", "## Context", "## Decision", "## Consequences"):
            assert part in text, f"{record.name} lacks {part}"
        assert len(text.splitlines()) <= 60


def test_changelog_fragments_have_a_kind():
    names = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    assert not [name for name in names if not re.fullmatch(r"(\d+|\+[\w-]+)\.(added|changed|fixed|removed|security)\.md", name)]


def test_help_lists_every_command_of_the_makefile():
    text = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (\S+)$", text, re.MULTILINE))
    documented = set(re.findall(r"^([a-z-]+):.*##", text, re.MULTILINE))
    assert phony - documented == {"test-fast"}
    assert {"install", "serve", "test", "demo", "bench", "fmt", "lint", "docs", "check", "help"} <= documented

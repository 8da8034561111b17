"""The image takes the steps of ``make install`` and runs as nobody in particular."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
STAGES = re.split(r"^FROM ", TEXT, flags=re.MULTILINE)[1:]


def test_stages_start_from_one_pinned_small_base():
    bases = {stage.split()[0] for stage in STAGES}
    assert len(STAGES) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", base) for base in bases)
    assert len(bases) == 1


def test_the_steps_are_those_of_make_install():
    script = (ROOT / "scripts/install").read_text()
    for words in ("-m venv", "--require-hashes -r", "--no-deps"):
        assert words in script
        assert words in STAGES[0]
    assert "gcc" in STAGES[0]
    assert "gcc" not in STAGES[1]


def test_the_server_is_not_root_and_is_asked_how_it_is():
    user = re.findall(r"^USER (\S+)$", STAGES[1], re.MULTILINE)
    assert user == ["5439"]
    assert re.search(r'^HEALTHCHECK .* CMD \["duckshift", "health"\]$', STAGES[1], re.MULTILINE)
    assert "PYTHONSAFEPATH=1" in STAGES[1]
    assert STAGES[1].index("USER 5439") < STAGES[1].index("ENTRYPOINT")


def test_what_the_build_needs_is_sent_to_it():
    sent = set(re.findall(r"^!(\S+?)/?$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {*packages, "pyproject.toml", "hatch_build.py", "tools/build_native.py", "requirements.lock"} <= sent
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= sent

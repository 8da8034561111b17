"""The conformance suite: every .slt file beside this one, a feature a file, and the tables of Redshift's surface."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sql.functions import FUNCTIONS
from tests.support import slt
from tests.support.outside import Outside
from tests.support.server import Server
from tests.support.surface import FOLDER, KINDS, STATES, Row, rows

FILES = sorted(FOLDER.rglob("*.slt"))
ROWS = rows()


OUTSIDE = [path for path in FILES if "external" in path.relative_to(FOLDER).parts]
LOADING = [path for path in FILES if "loading" in path.relative_to(FOLDER).parts]
DATABASES = [path for path in FILES if "databases" in path.relative_to(FOLDER).parts]
INSIDE = [path for path in FILES if path not in OUTSIDE + LOADING + DATABASES]


def _ids(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(FOLDER)) for path in paths]


@pytest.mark.parametrize("path", OUTSIDE, ids=_ids(OUTSIDE))
@pytest.mark.parametrize("catalog", ["built_in", "glue"])
def test_external_feature(path: Path, catalog: str, outside: Outside) -> None:
    with outside.server(catalog) as (dsn, put):
        problems = slt.problems(path, dsn, put)
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("path", LOADING, ids=_ids(LOADING))
def test_loading_feature(path: Path, outside: Outside) -> None:
    with outside.server("built_in") as (dsn, put):
        problems = slt.problems(path, dsn, put)
    assert not problems, "\n\n".join(problems)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # Some clients ask every database there is, and fail where one lacks what they look for: see test_redshift_metadata.
    with Server(tmp_path_factory.mktemp("databases") / "data") as running:
        yield running


@pytest.mark.parametrize("path", DATABASES, ids=_ids(DATABASES))
def test_feature_of_databases(path: Path, apart: Server) -> None:
    problems = slt.problems(path, apart.dsn)
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("path", INSIDE, ids=_ids(INSIDE))
def test_feature(path: Path, server: Server) -> None:
    problems = slt.problems(path, server.dsn)
    assert not problems, "\n\n".join(problems)


def test_rows_are_well_formed() -> None:
    assert not [row for row in ROWS if row.kind not in KINDS or row.status not in STATES or row.priority[:1] != "P"]


def test_rows_are_unique() -> None:
    names = [(row.kind, row.name.lower()) for row in ROWS]
    assert not {name for name in names if names.count(name) > 1}


def test_what_works_is_shown_by_a_file() -> None:
    # Views are not among them: their rows say what the catalog's table holds, tests/unit/catalog holds their shapes.
    shown = [row for row in ROWS if row.status != "not yet" and row.kind != "view"]
    assert not [row for row in shown if not (FOLDER / f"{row.cases}.slt").is_file()]


def test_what_is_partly_there_or_absent_says_how() -> None:
    assert not [row for row in ROWS if row.status != "works" and not row.note]


def test_functions_agree_with_the_translators_table() -> None:
    def known(row: Row) -> bool:
        return row.name.lower().partition("(")[0] in FUNCTIONS

    functions = [row for row in ROWS if row.kind == "function"]
    assert not [row for row in functions if row.status == "not yet" and known(row)]

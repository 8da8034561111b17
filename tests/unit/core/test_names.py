"""Names: which are free beside others, and what a qualified one ends in."""

from core.names import free_name, last_part, quote


def test_a_free_name_differs_by_more_than_case() -> None:
    assert free_name("Id", set()) == "Id"
    assert free_name("Id", {"id"}) == "Id_1"
    assert free_name("Id", {"id", "id_1"}) == "Id_2"
    # The engine folds ASCII only.
    assert free_name("É", {"é"}) == "É"


def test_the_last_part_of_a_qualified_name_is_bare() -> None:
    for name in ("t", 'say "x"', 'a."b', '"', 'x."y".z', " "):
        assert last_part(f'lake.{quote("dev.public")}.{quote(name)}') == name
        assert last_part(f"temp.main.{quote(name)}") == name
    assert last_part("") == ""

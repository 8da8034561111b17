"""Translations by a text's shape are those that its own text would get."""

import pytest

from sql.shapes import shape, template
from sql.translate import Translated, translate
from tests.support.warehouse import Warehouse


def done(text: str) -> Translated:
    return translate(text, Warehouse())


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("select a from t where id = 17", ("17",)),
        ("select a from t where id=17 and b>=  2 or c<>3;", ("17", "2", "3")),
        ("select 5, '= 6', \"= 7\", x=8 from t limit 9", ("8",)),
    ],
)
def test_numbers_behind_a_comparison(text: str, numbers: tuple[str, ...]) -> None:
    found = shape(text)
    assert found is not None
    assert found.numbers == numbers
    assert found.filled(numbers) == text


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "select a from t where id = 1.5",
        "select a from t where id = 1e5",
        "select a from t where id = 1234567890",
        "select a from t where id = 007",
        "select a from t where id = 5 -- = 6",
        "select a from t where id = 5 /* = 6 */",
        "select a from t where id = 5 and b = $1",
        "select a from t where id = 5 and b = 'x\\'",
        "select a from t where id = 5 and b = 'x",
        "select a from t where id = -5",
        " and ".join(["a = 1"] * 9),
    ],
)
def test_no_shape(text: str) -> None:
    assert shape(text) is None


SAME = (
    ("select name from emp where id = {}", ("1", "0", "2147483", "999999999")),
    ("select sum(qty) as total, count(*) from sales where salesid >= {} and qty < {}", ("3", "20", "100000")),
    ("select id from emp where manager_id = {} order by 1 limit 3", ("5", "31", "32768")),
    ("update emp set name = 'x = 3' where id = {}", ("5", "6")),
    ("select e.id from emp e join sales s on s.salesid = e.id and s.qty <> {} group by 1", ("8", "9")),
    ("select case when id = {} then 10 else 2 end from emp", ("1", "2", "10")),
)


@pytest.mark.parametrize(("text", "numbers"), SAME, ids=[text for text, _ in SAME])
def test_a_template_gives_what_the_translator_gives(text: str, numbers: tuple[str, ...]) -> None:
    def filled(number: str) -> str:
        return text.replace("{}", number)

    first = shape(filled(numbers[0]))
    assert first is not None
    made = template(first, done)
    assert made is not None
    for number in numbers:
        found = shape(filled(number))
        assert found is not None
        assert found.pieces == first.pieces
        assert made.filled(found.numbers) == done(filled(number))


def test_no_template_where_the_numbers_matter() -> None:
    found = shape("select id from emp where id = 5")
    assert found is not None

    def fickle(text: str) -> Translated:
        return done(text.replace("id = 7", "manager_id = 7"))

    assert template(found, fickle) is None

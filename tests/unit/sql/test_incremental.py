"""Which queries of materialized views take changes in, and how their rows follow from them."""

import pytest

from core.errors import SqlError
from sql.incremental import Shape, of_keys, refuse_unfit, shape

PLAIN = Shape(grouped=False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select * from s.t where a > 1", PLAIN),
        ("select x.a, y.b from s.x, s.y where x.i = y.i", PLAIN),
        ("select a from s.t union all select b from s.u union all select c from s.t where c > 1", PLAIN),
        ("select x.a from s.x inner join s.y using (i)", PLAIN),
        ("select a, sum(b), count(*) from s.t group by a", Shape(grouped=True, keys=(0,), folds=("key", "sum", "count"))),
        ("select min(b), a from s.t group by 2", Shape(grouped=True, keys=(1,), folds=("min", "key"))),
        ("select lower(a) as l, max(b) from s.t group by l", Shape(grouped=True, keys=(0,), folds=("key", "max"))),
        ("select count(*) from s.t", Shape(grouped=True, folds=("count",))),
        ("select a, avg(b) from s.t group by a", Shape(grouped=True, keys=(0,))),
        ("select a, sum(b) + 1 from s.t group by a", Shape(grouped=True, keys=(0,))),
        ("select a, sum(b) from s.t group by a having sum(b) > 1", Shape(grouped=True, keys=(0,))),
    ],
)
def test_what_takes_changes_in(query: str, expected: Shape) -> None:
    assert shape(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "select distinct a from s.t",
        "select count(distinct a) from s.t",
        "select median(a) from s.t",
        "select listagg(a) from s.t",
        "select stddev(a) from s.t",
        "select approximate count(distinct a) from s.t",
        "select a, rank() over (order by a) from s.t",
        "select x.a from s.x left join s.y on x.i = y.i",
        "select x.a from s.x full join s.y on x.i = y.i",
        "select x.a from s.t x join s.t y on x.i = y.i",
        "select a from (select a from s.t) q",
        "select a from s.t where a in (select b from s.u)",
        "select a from s.t union select b from s.u",
        "select a from s.t union all select count(*) from s.u",
        "select a from s.t union all select b from s.u order by 1",
        "with q as (select 1 as a) select a from q",
        "select sum(b) from s.t group by a",
        "select a, sum(b) from s.t group by rollup (a)",
        "select * from s.t qualify row_number() over (order by a) = 1",
        "select 1",
    ],
)
def test_what_is_run_anew(query: str) -> None:
    assert shape(query) is None


def test_the_query_of_the_groups_has_only_their_columns() -> None:
    tree = of_keys("select count(*), a as k, b from s.t where c > 1 group by 2, 3 having count(*) > 1", (1, 2))
    assert tree.sql() == "SELECT DISTINCT a AS k, b FROM s.t WHERE c > 1"


@pytest.mark.parametrize("clause", ["order by a", "limit 1", "offset 1"])
def test_what_has_an_order_is_refused(clause: str) -> None:
    with pytest.raises(SqlError, match=clause.split()[0].upper()):
        refuse_unfit(f"select a from s.t {clause}")

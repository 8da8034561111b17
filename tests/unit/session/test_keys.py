"""Which column of a text a copy is worth having an index on."""

import pytest

from session.keys import key
from session.rewriting import gapped
from sql.shapes import Gapped

_FROM = 'SELECT 1 FROM lake."s"."t" AS "t" WHERE '


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (Gapped((_FROM + '("t"."id" = ', ")"), (0,)), '"id"'),
        (gapped(_FROM + '("t"."id" = CAST($1 AS BIGINT))'), '"id"'),
        (gapped(_FROM + '("t"."a ""b" = CAST($1 AS DATE)) AND ("t"."c" > CAST($2 AS INT))'), '"a ""b"'),
        (gapped(_FROM + '("t"."c" > CAST($1 AS INT)) AND ("t"."id" = CAST($2 AS INT))'), '"id"'),
        (gapped(_FROM + '("t"."id" = CAST($1 AS VARCHAR))'), ""),
        (gapped(_FROM + '("t"."id" = CAST($1 AS BIGINT) + 1)'), ""),
        (gapped(_FROM + '("t"."id" > CAST($1 AS BIGINT))'), ""),
        (gapped(_FROM + '("t"."id" = CAST($1 AS INT)) OR ("t"."n" = 1)'), ""),
        (gapped('SELECT 1 FROM (SELECT 1 FROM lake."s"."t") AS "t" WHERE ("t"."id" = CAST($1 AS INT))'), ""),
        (gapped('SELECT 1 FROM lake."s"."t" AS "t" JOIN u ON ("t"."id" = CAST($1 AS INT))'), ""),
        (gapped(_FROM + '("t"."id" = 5)'), ""),
    ],
)
def test_the_column_that_rows_are_found_by(text: Gapped, expected: str) -> None:
    assert key(text) == expected

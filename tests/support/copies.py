"""What is done to tables that are read from copies: the table ``hot`` with ids 1 to 3, and one of all types."""

CHANGES = {
    "insert": ("INSERT INTO hot VALUES (4, 'four')", [1, 2, 3, 4]),
    "update": ("UPDATE hot SET id = id + 10 WHERE id > 1", [1, 12, 13]),
    "delete": ("DELETE FROM hot WHERE word = 'two'", [1, 3]),
    "truncate": ("TRUNCATE hot", []),
    "recreate": ("DROP TABLE hot; CREATE TABLE hot (id int, word varchar(20)); INSERT INTO hot VALUES (7, 'x')", [7]),
    "replace": ("ALTER TABLE hot RENAME TO was; ALTER TABLE was RENAME TO hot", [1, 2, 3]),
    "flush": ("VACUUM hot", [1, 2, 3]),
}
"""Statements, and the ids that are there after them."""

TYPES = """
    CREATE TABLE typed (
        b bool, i2 smallint, i4 int, i8 bigint, d9 decimal(9, 3), d18 decimal(18, 2), d38 decimal(38, 10), f4 real,
        f8 float8, c char(5), v varchar(30), y varbyte(20), d date, t time, ts timestamp, tz timestamptz, s super
    )
"""
VALUES = """
    INSERT INTO typed
    SELECT true, 1::smallint, -2, 3000000000, 1.5, -12345.67, 12345678901234567890.0123456789, 1.25, 0.1, 'ab ',
           'Ünï', to_varbyte('00ff', 'hex'), '2024-02-29'::date, '10:11:12.5'::time,
           '1969-12-31 23:59:59.999999'::timestamp, '2024-06-01 12:00:00+02'::timestamptz,
           json_parse('{"a": [1, {"b": null}]}')
    UNION ALL
    SELECT null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null
"""

STRINGS = """
    CREATE TABLE named (id int, word varchar(20));
    INSERT INTO named VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, NULL), (5, ''), (6, 'one!'), (7, 'two')
"""
ASKED = {
    "SELECT count(*) FROM named WHERE word = 'one'": 1,
    "SELECT count(*) FROM named WHERE word = 'one  '": 1,
    "SELECT count(*) FROM named WHERE 'one' <> word": 5,
    "SELECT count(*) FROM named WHERE word <= 'one'": 2,
    "SELECT count(*) FROM named WHERE word > 'one'": 4,
    "SELECT count(*) FROM named WHERE word IN ('one', 'two  ')": 3,
    "SELECT count(*) FROM named WHERE word NOT IN ('one', 'two')": 3,
    "SELECT count(*) FROM (SELECT word FROM named GROUP BY word)": 6,
    "SELECT count(DISTINCT word) FROM named": 5,
    "SELECT count(*) FROM named a JOIN named b ON a.word = b.word": 8,
    "SELECT count(*) FROM (SELECT word FROM named UNION SELECT 'one ')": 6,
    "SELECT count(*) FROM (SELECT word, count(*) AS n FROM named GROUP BY word) WHERE word = 'two' AND n = 2": 1,
    "SELECT count(*) FROM (SELECT word, id FROM named GROUP BY ROLLUP (word, id))": 14,
    "SELECT count(*) FROM (SELECT upper(word) AS w FROM named GROUP BY word HAVING word <> 'two') WHERE w = 'ONE'": 1,
    "SELECT count(*) FROM (SELECT word, row_number() OVER (ORDER BY word) AS n FROM named GROUP BY word)"
    " WHERE word = 'one!' AND n = 3": 1,
    "SELECT count(*) FROM (SELECT word, id FROM named GROUP BY 1, 2) WHERE word <> 'one'": 5,
    "SELECT count(*) FROM (SELECT word AS w FROM named) WHERE w = 'two'": 2,
    "WITH RECURSIVE r(w, n) AS (SELECT word, 1 FROM named WHERE id = 1 UNION ALL SELECT (w || ' ')::varchar(20), n + 1"
    " FROM r WHERE n < 3) SELECT count(*) FROM r WHERE w = 'one'": 3,
}  # fmt: skip
"""Queries of the table above, and what they count."""
PADDED = "INSERT INTO named VALUES (8, 'one ')"
ASKED_PADDED = {
    "SELECT count(*) FROM named WHERE word = 'one'": 2,
    "SELECT count(*) FROM named WHERE 'one ' <> word": 5,
    "SELECT count(*) FROM named WHERE word <= 'one'": 3,
    "SELECT count(*) FROM named WHERE word > 'one'": 4,
    "SELECT count(*) FROM named WHERE word IN ('one', 'two')": 4,
    "SELECT count(*) FROM (SELECT word FROM named GROUP BY word)": 6,
    "SELECT count(DISTINCT word) FROM named": 5,
    "SELECT count(*) FROM named a JOIN named b ON a.word = b.word": 11,
    "SELECT count(*) FROM (SELECT word, count(*) AS n FROM named GROUP BY word) WHERE word = 'two' AND n = 2": 1,
    "SELECT count(*) FROM (SELECT word, id FROM named GROUP BY ROLLUP (word, id))": 15,
    "SELECT count(*) FROM (SELECT upper(word) AS w FROM named GROUP BY word HAVING word <> 'two') WHERE w = 'ONE'": 1,
    "SELECT count(*) FROM (SELECT word, row_number() OVER (ORDER BY word) AS n FROM named GROUP BY word)"
    " WHERE word = 'one!' AND n = 3": 1,
    "SELECT count(*) FROM (SELECT word, id FROM named GROUP BY 1, 2) WHERE word <> 'one'": 5,
}
"""The same once there is one more word, which ends in a blank."""

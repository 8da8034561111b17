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

"""Dates, times and zones: functions installed into DuckDB for what its own do differently.

Redshift, "Date and time functions". Maps of abbreviations and names are given by the translated SQL, which owns
them; ``zone_names`` is a variable of the session.
"""

from typing import Final

from engine.macro import Macro, raising

_BAD_ZONE: Final = raising("22023", "'time zone \"' || z || '\" not recognized'")
_BAD_UNIT: Final = raising("22023", "'timestamp units \"' || x || '\" not recognized'")
_BAD_WEEKDAY: Final = raising("22023", "'invalid day of the week: \"' || x || '\"'")

TABLE: Final = (
    Macro(name="rs_zone", arguments="z",
          body="CASE WHEN z IS NULL OR list_contains(getvariable('zone_names'), lower(z)) THEN z"
               f" ELSE {_BAD_ZONE} END",
          doc="The name of a place as a time zone, or 22023."),
    Macro(name="rs_local", arguments="x, z", body="timezone(rs_zone(z), timezone('UTC', x))",
          doc="CONVERT_TIMEZONE: the wall clock of a zone at a TIMESTAMP in UTC."),
    Macro(name="rs_universal", arguments="x, z", body="timezone('UTC', timezone(rs_zone(z), x))",
          doc="CONVERT_TIMEZONE: the TIMESTAMP in UTC of a zone's wall clock."),
    Macro(name="rs_zone_minutes", arguments="z, m",
          body="coalesce(m[lower(trim(z))],"
               " CASE WHEN regexp_full_match(z, '[A-Za-z_/ ]*[+-]?[0-9]{1,2}(:?[0-9]{2})? *')"
               " THEN (CAST(regexp_extract(z, '([0-9]{1,2})', 1) AS INTEGER) * 60"
               " + coalesce(TRY_CAST(regexp_extract(z, '[0-9]:?([0-9]{2}) *$', 1) AS INTEGER), 0))"
               " * CASE WHEN z LIKE '%-%' THEN -1 ELSE 1 END"
               " * CASE WHEN regexp_matches(z, '[A-Za-z]') THEN -1 ELSE 1 END END)",
          doc="Minutes east of Greenwich of an abbreviation (a map of them is given) or a POSIX or ISO offset."),
    Macro(name="rs_local_any", arguments="x, z, m",
          body="CASE WHEN rs_zone_minutes(z, m) IS NOT NULL THEN x + to_minutes(rs_zone_minutes(z, m))"
               " ELSE rs_local(x, z) END",
          doc="rs_local of a zone that is not a literal."),
    Macro(name="rs_universal_any", arguments="x, z, m",
          body="CASE WHEN rs_zone_minutes(z, m) IS NOT NULL THEN x - to_minutes(rs_zone_minutes(z, m))"
               " ELSE rs_universal(x, z) END",
          doc="rs_universal of a zone that is not a literal."),
    Macro(name="rs_add_years", arguments="x, n",
          body="CASE WHEN month(x) = 2 AND day(x) = 29 AND day(x + to_months(n)) = 28"
               " THEN x + to_months(n) + to_days(1) ELSE x + to_months(n) END",
          doc="r_DATEADD_function: a year from the 29th of February is the 1st of March."),
    Macro(name="rs_trunc_years", arguments="x, n", body="date_trunc('year', x) - to_years((year(x) - 1) % n)",
          doc="r_DATE_TRUNC: centuries and millennia begin with a year 1."),
    Macro(name="rs_part_name", arguments="m, x",
          body=f"CASE WHEN x IS NULL THEN NULL ELSE coalesce(m[lower(trim(x))], {_BAD_UNIT}) END",
          doc="The name of a date part, by a map of its spellings."),
    Macro(name="rs_weekday", arguments="m, x",
          body=f"CASE WHEN x IS NULL THEN NULL ELSE coalesce(m[lower(trim(x))], {_BAD_WEEKDAY}) END",
          doc="r_NEXT_DAY: the number of a day's name, by a map of the names."),
)  # fmt: skip

"""Macros of the functions over JSON text. DuckDB's reader takes more for JSON than Redshift: see ``rs_well_formed``."""

from typing import Final

from engine.macro import Macro, raising

_STRINGS: Final = '"(?:[^"\\\\]|\\\\.)*"'


def _error(kind: str) -> str:
    """Return what raises Redshift's error for text ``x`` that is no JSON *kind*; the context is its detail."""
    said = "'error:  JSON parsing error' || chr(10) || 'code:      8001' || chr(10)"
    detail = f"{said} || 'context:   invalid {kind} ' || x"
    return raising("XX000", f"'JSON parsing error' || chr(31) || {detail}")


def _checked(kind: str, type_: str, body: str) -> str:
    """Return *body* for JSON text of a type, NULL for NULL, an error for the rest."""
    return f"CASE WHEN x IS NULL THEN NULL WHEN rs_json_is(x, '{type_}') THEN {body} ELSE {_error(kind)} END"


TABLE: Final = (
    Macro(name="rs_well_formed", arguments="x",
          body="(json_valid(x) AND CASE WHEN regexp_matches(x, '(?i),\\s*[\\]}]|nan|inf') THEN NOT regexp_matches("
               f"regexp_replace(x, '{_STRINGS}', '\"\"', 'g'), '(?i),\\s*[\\]}}]|nan|inf') ELSE true END)",
          doc="Whether text is JSON: no comma at the end of a list, no NaN and no Infinity, which DuckDB takes."),
    Macro(name="rs_json_is", arguments="x, t",
          body="CASE WHEN rs_well_formed(x) THEN json_type(x) = t WHEN x IS NULL THEN NULL ELSE false END",
          doc="IS_VALID_JSON, IS_VALID_JSON_ARRAY"),
    # A number keeps its digits: 1.50 would come back as 1.5. Such numbers are strings with a mark meanwhile.
    Macro(name="rs_json_numbered", arguments="x",
          body="CASE WHEN regexp_matches(x, '\\.[0-9]*0[^0-9]|\\.[0-9]{15}|[0-9][eE]')"
               " THEN array_to_string(list_transform(regexp_extract_all(x,"
               f" '(?s){_STRINGS}|-?[0-9][-+0-9.eE]*|[^\"0-9-]+|.'), lambda t:"
               " CASE WHEN regexp_full_match(t, '-?[0-9]+[.eE].*') THEN '\"\\u0001' || t || '\"' ELSE t END), '')"
               " ELSE x END",
          doc="JSON text whose numbers are safe from being read and written."),
    Macro(name="rs_json_plain", arguments="x",
          body="CASE WHEN contains(x, chr(1)) OR contains(x, '\"\\u0001') THEN regexp_replace(regexp_replace(x,"
               " '\"\\\\u0001([^\"]*)\"', '\\1', 'g'), '^\\x01', '') ELSE x END",
          doc="The numbers of rs_json_numbered as they were."),
    Macro(name="rs_json_found", arguments="x, p", body="rs_json_plain(json_extract_string(rs_json_numbered(x), p))",
          doc="What is at a path of JSON text."),
    Macro(name="rs_json_key", arguments="k", body="'/' || replace(replace(k, '~', '~0'), '/', '~1')",
          doc="A step of a path."),
    Macro(name="rs_member_of_any_case", arguments="x, n",
          body="json_extract(x, rs_json_key(list_filter(json_keys(x), lambda k: lower(k) = n)[1]))",
          doc="An object's member, its name compared without case: JSON files of external tables."),
    Macro(name="rs_json_text", arguments="x, p",
          body=_checked("json object", "OBJECT", "rs_json_found(x, p)"), doc="JSON_EXTRACT_PATH_TEXT"),
    Macro(name="rs_try_json_text", arguments="x, p",
          body="CASE WHEN rs_json_is(x, 'OBJECT') THEN rs_json_found(x, p) END", doc="JSON_EXTRACT_PATH_TEXT"),
    Macro(name="rs_json_item", arguments="x, n",
          body=_checked("json array object", "ARRAY", "CASE WHEN n >= 0 THEN rs_json_found(x, '$[' || n || ']') END"),
          doc="JSON_EXTRACT_ARRAY_ELEMENT_TEXT"),
    Macro(name="rs_try_json_item", arguments="x, n",
          body="CASE WHEN n >= 0 AND rs_json_is(x, 'ARRAY') THEN rs_json_found(x, '$[' || n || ']') END",
          doc="JSON_EXTRACT_ARRAY_ELEMENT_TEXT"),
    Macro(name="rs_json_length", arguments="x",
          body=_checked("json array object", "ARRAY", "CAST(json_array_length(x) AS INTEGER)"),
          doc="JSON_ARRAY_LENGTH"),
    Macro(name="rs_try_json_length", arguments="x",
          body="CASE WHEN rs_json_is(x, 'ARRAY') THEN CAST(json_array_length(x) AS INTEGER) END",
          doc="JSON_ARRAY_LENGTH"),
)  # fmt: skip

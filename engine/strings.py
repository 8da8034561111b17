"""Macros of string functions: sounds, byte positions, numbers of other bases, places of regular expressions."""

from typing import Final

from engine.macro import Macro, raising

_BAD_BASE: Final = raising("22023", "'invalid base: ' || b || ', valid bases are between 2 and 36'")
_BAD_DIGITS: Final = raising("22P02", "'The input ' || x || ' is not valid to be converted to base ' || b")
_BAD_HEX: Final = raising("22P02", "'invalid hexadecimal string: \"' || x || '\"'")
_BAD_BITS: Final = raising("22P02", "'invalid binary string: \"' || x || '\"'")
_BAD_INDEX: Final = raising("22023", "'index ' || n || ' out of valid range'")
_NEGATIVE_LENGTH: Final = raising("22011", "'negative substring length not allowed'")
_RESERVED: Final = (
    "aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary"
    " blanksasnull both bytedict bzip2 case cast check collate column connect constraint create credentials cross"
    " current_date current_time current_timestamp current_user current_user_id default deferrable deflate defrag delta"
    " delta32k desc disable distinct do else emptyasnull enable encode encrypt encryption end except explicit false for"
    " foreign freeze from full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially"
    " inner intersect interval into is isnull join language leading left like limit localtime localtimestamp lun luns"
    " lzo lzop minus mostly16 mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only"
    " open or order outer overlaps parallel partition percent permissions pivot placing primary raw readratio recover"
    " references rejectlog resort respect restore right select session_user similar snapshot some sysdate system table"
    " tag tdes text255 text32k then timestamp to top trailing true truncatecolumns union unique unnest unpivot user"
    " using verbose wallet when where with without"
)
"""Redshift, "Reserved words"."""


def _soundex() -> str:
    """Return the American Soundex code of ``x``: a run of one sound, H and W within it, counts once."""
    letters = "regexp_replace(upper(x), '[^A-Z]', '', 'g')"
    # Vowels are 0, H and W 7.
    codes = f"translate({letters}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '01230127022455012623017202')"
    sounds = f"replace({codes}, '7', '')"
    for digit in "123456":
        sounds = f"regexp_replace({sounds}, '{digit}+', '{digit}', 'g')"
    # The first letter stands for its own code, which H and W do not leave behind.
    rest = f"substr({sounds}, CASE WHEN {letters} LIKE 'H%' OR {letters} LIKE 'W%' THEN 1 ELSE 2 END)"
    code = f"left({letters}, 1) || left(replace({rest}, '0', '') || '000', 3)"
    return f"CASE WHEN {letters} = '' THEN '' WHEN x IS NOT NULL THEN {code} END"


TABLE: Final = (
    Macro(name="rs_at_least", arguments="x, m", body="CASE WHEN x < m THEN m ELSE x END",
          doc="The greater of two numbers, NULL where the first one is."),
    Macro(name="rs_left", arguments="x, n", body="left(x, rs_at_least(n, 0))", doc="r_LEFT"),
    Macro(name="rs_right", arguments="x, n", body="right(x, rs_at_least(n, 0))", doc="r_LEFT"),
    Macro(name="rs_octet_index", arguments="part, x",
          body="CASE WHEN instr(x, part) > 0 THEN strlen(left(x, instr(x, part) - 1)) + 1"
               " WHEN x IS NOT NULL AND part IS NOT NULL THEN 0 END",
          doc="OCTETINDEX"),
    Macro(name="rs_split", arguments="x, d, n",
          body="CASE WHEN n < 1 THEN " + raising("22023", "'field position must be greater than zero'")
               + " WHEN d = '' THEN CASE WHEN n = 1 THEN x WHEN n > 1 AND x IS NOT NULL THEN '' END"
               " ELSE split_part(x, d, n) END",
          doc="SPLIT_PART"),
    Macro(name="rs_soundex", arguments="x", body=_soundex(), doc="SOUNDEX"),
    Macro(name="rs_alike", arguments="a, b",
          body="CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN a = '' AND b = '' THEN 1"
               " ELSE len(list_filter(range(1, 5), lambda i: a[i] <> '' AND a[i] = b[i])) END",
          doc="DIFFERENCE of two Soundex codes."),
    Macro(name="rs_strtol", arguments="x, b",
          body=f"CASE WHEN x IS NULL OR b IS NULL THEN NULL WHEN b NOT BETWEEN 2 AND 36 THEN {_BAD_BASE}"
               " ELSE list_transform([regexp_replace(lower(ltrim(x)), CASE WHEN b = 16 THEN '^([+-]?)(0x)?'"
               " ELSE '^([+-]?)' END, '\\1')], lambda t: CASE WHEN t = '' THEN 0::BIGINT"
               " WHEN ltrim(t, '+-') = '' OR length(ltrim(t, '+-')) + 1 < length(t)"
               " OR translate(ltrim(t, '+-'), left('0123456789abcdefghijklmnopqrstuvwxyz', CAST(b AS BIGINT)), '')"
               f" <> '' THEN {_BAD_DIGITS}"
               " ELSE CAST(list_reduce(list_transform(string_split(ltrim(t, '+-'), ''), lambda c:"
               " CAST(instr('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1 AS HUGEINT)), lambda a, d: a * b + d)"
               " * CASE WHEN t LIKE '-%' THEN -1 ELSE 1 END AS BIGINT) END)[1] END",
          doc="r_STRTOL"),
    Macro(name="rs_quote_identifier", arguments="x",
          body="CASE WHEN regexp_full_match(x, '[a-z_][a-z0-9_]*') AND x NOT IN ('"
               + _RESERVED.replace(" ", "', '")
               + "') THEN x ELSE '\"' || replace(x, '\"', '\"\"') || '\"' END",
          doc="r_QUOTE_IDENT"),
    Macro(name="rs_composite_part", arguments="x",
          body="CASE WHEN x IS NULL THEN '' WHEN CAST(x AS VARCHAR) = '' OR regexp_matches(CAST(x AS VARCHAR),"
               " '[\\s,()\"\\\\]') THEN '\"' || replace(replace("
               "CAST(x AS VARCHAR), '\\', '\\\\'), '\"', '\"\"') || '\"' ELSE CAST(x AS VARCHAR) END",
          doc="A field of a composite value's text."),
    # Bytes
    Macro(name="rs_from_hex", arguments="x",
          body="CASE WHEN x IS NULL OR regexp_full_match(x, '[0-9a-fA-F]*')"
               f" THEN unhex(CASE WHEN length(x) % 2 = 1 THEN '0' || x ELSE x END) ELSE {_BAD_HEX} END",
          doc="r_FROM_HEX"),
    Macro(name="rs_from_bits", arguments="x",
          body="CASE WHEN x IS NULL OR regexp_full_match(x, '[01]*') THEN unhex(array_to_string(list_transform("
               "range(1, length(x) + 1, 8), lambda i: right(hex(CAST(CAST(substr(lpad(x, CAST(length(x) + 7 AS INTEGER)"
               f" // 8 * 8, '0'), i, 8) AS BIT) AS UTINYINT)), 2)), '')) ELSE {_BAD_BITS} END",
          doc="r_TO_VARBYTE: binary"),
    Macro(name="rs_to_bits", arguments="x",
          body="CASE WHEN octet_length(x) = 0 THEN '' ELSE CAST(CAST(x AS BIT) AS VARCHAR) END",
          doc="r_FROM_VARBYTE: binary"),
    Macro(name="rs_bit", arguments="x, n",
          body=f"CASE WHEN n < 0 OR n >= 8 * octet_length(x) THEN {_BAD_INDEX}"
               " ELSE get_bit(CAST(x AS BIT), CAST(8 * octet_length(x) - 1 - n AS INTEGER)) END",
          doc="r_GETBIT"),
    Macro(name="rs_bytes_part", arguments="x, s, n",
          body="CASE WHEN n < 0 THEN " + _NEGATIVE_LENGTH + " WHEN s + n - 1 < 1 THEN ''::BLOB"
               " ELSE unhex(substr(hex(x), 2 * greatest(s, 1) - 1, 2 * (s + n - greatest(s, 1)))) END",
          doc="r_SUBSTRING of bytes."),
    Macro(name="rs_bytes_backwards", arguments="x",
          body="unhex(array_to_string(list_reverse(regexp_extract_all(hex(x), '..')), ''))",
          doc="Bytes, the last first."),
    Macro(name="rs_bitwise", arguments="x", body="CASE WHEN octet_length(x) > 0 THEN CAST(x AS BIT) END",
          doc="Bytes as bits."),
    Macro(name="rs_leader_byte", arguments="x, n",
          body=f"CASE WHEN n < 0 OR n >= octet_length(x) THEN {_BAD_INDEX}"
               " ELSE CAST('0x' || substr(hex(x), 2 * n + 1, 2) AS INTEGER) END",
          doc="GET_BYTE, from the left."),
    Macro(name="rs_leader_bit", arguments="x, n",
          body="(rs_leader_byte(x, n // 8) >> (n % 8)) & 1", doc="GET_BIT, of each byte the lowest first."),
    Macro(name="rs_leader_set_byte", arguments="x, n, v",
          body=f"CASE WHEN n < 0 OR n >= octet_length(x) THEN {_BAD_INDEX}"
               " ELSE unhex(left(hex(x), 2 * n) || lpad(hex(v & 255), 2, '0') || substr(hex(x), 2 * n + 3)) END",
          doc="SET_BYTE"),
    Macro(name="rs_leader_set_bit", arguments="x, n, v",
          body="rs_leader_set_byte(x, n // 8, CASE WHEN v = 0 THEN rs_leader_byte(x, n // 8) & (255 - (1 << (n % 8)))"
               " ELSE rs_leader_byte(x, n // 8) | (1 << (n % 8)) END)",
          doc="SET_BIT"),
    # Regular expressions
    Macro(name="rs_occurrence", arguments="found, n, x",
          body="CASE WHEN found IS NULL OR n IS NULL OR n < 1 OR n > greatest(length(x), 1) THEN NULL"
               " ELSE coalesce(found[n], '') END",
          doc="REGEXP_SUBSTR"),
    Macro(name="rs_regexp_place", arguments="x, p, s",
          body="CASE WHEN x IS NULL OR p IS NULL THEN NULL WHEN regexp_matches(x, p)"
               " THEN s + length(regexp_extract(x, '(?s)^(.*?)(?:' || p || ')', 1)) ELSE 0 END",
          doc="REGEXP_INSTR of the first match; x begins at position s."),
    Macro(name="rs_regexp_instr", arguments="x, p, s, n, after",
          body="CASE WHEN x IS NULL OR p IS NULL OR n IS NULL OR after IS NULL THEN NULL"
               " WHEN n < 1 OR len(regexp_extract_all(x, p)) < n THEN 0"
               " ELSE s + list_sum(list_transform(regexp_split_to_array(x, p)[1:n], lambda w: length(w)))"
               " + coalesce(list_sum(list_transform(regexp_extract_all(x, p)"
               "[1:n - CASE WHEN after = 0 THEN 1 ELSE 0 END], lambda w: length(w))), 0) END",
          doc="REGEXP_INSTR"),
    Macro(name="rs_perl_place", arguments="found, s, n, after",
          body="CASE WHEN found IS NULL OR n IS NULL OR after IS NULL THEN NULL WHEN n < 1 OR len(found) < n THEN 0"
               " ELSE s - 1 + found[n].place + CASE WHEN after = 0 THEN 0 ELSE length(found[n].text) END END",
          doc="REGEXP_INSTR of the matches that rs_perl_find found in what begins at position s."),
    Macro(name="rs_groups", arguments="p",
          body="least(9, list_transform([regexp_replace(p, '\\\\.|\\[\\^?\\]?[^\\]]*\\]', '', 'g')], lambda q:"
               " length(q) - length(replace(q, '(', '')) - (length(q) - length(replace(q, '(?', ''))) // 2)[1])",
          doc="How many groups a pattern has."),
    Macro(name="rs_replacement", arguments="x, groups",
          body="regexp_replace(replace(x, '\\', '\\\\'), '\\$(' || groups || ')', '\\\\\\1', 'g')",
          doc="A replacement with $1 as the engine writes it."),
    Macro(name="rs_similar", arguments="p, e",
          body="array_to_string(list_transform(regexp_extract_all(p, '(?s)' || CASE WHEN e = '' THEN ''"
               " ELSE regexp_escape(e) || '.|' END || '\\[\\^?\\]?[^\\]]*\\]|.'), lambda t:"
               " CASE WHEN length(t) = 2 AND e <> '' AND left(t, 1) = e THEN regexp_escape(right(t, 1))"
               " WHEN t = '%' THEN '.*' WHEN t = '_' THEN '.'"
               " WHEN t IN ('.', '^', '$', '\\') THEN '\\' || t ELSE t END), '')",
          doc="A SIMILAR TO pattern as a regular expression."),
)  # fmt: skip

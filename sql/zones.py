"""Time zones as a function's argument: abbreviations, which are fixed offsets, and POSIX forms.

Redshift, "Time zone abbreviations" and "CONVERT_TIMEZONE function". Names of places are the engine's.
"""

import re
from typing import Final

from core.names import literal
from sql.value import Value

_MINUTES: Final = {
    -660: "nut", -600: "hst taht", -570: "mart", -540: "akst gamt", -480: "akdt pst", -420: "mst pdt",
    -360: "cst east galt mdt", -300: "act cdt cot easst est pet", -240: "ast bot clt edt fkt gyt pyt vet",
    -210: "nst", -180: "adt art bra brt clst fkst gft pmst pyst uyt wgt", -150: "ndt",
    -120: "arst brst fnt pmdt uyst wgst", -60: "azot egt fnst", 0: "azost egst gmt uct ut utc wet z zulu",
    60: "bst cet met mez wat wetdst", 120: "bdst cest cetdst eet ist mest metdst sast",
    180: "eat eest eetdst fet idt msk", 210: "irt", 240: "amt azt gest get msd mut ret sct", 270: "aft",
    300: "amst azst mawt must mvt pkt tft tjt tmt uzt yekt", 330: "lkt", 345: "npt",
    360: "almt bdt btt iot kgst kgt novt omst pkst uzst yekst", 390: "mmt",
    420: "almst cxt davt ict krat novst omsst wast", 480: "awst bnt bort cct hkt irkt krast myt pht sgt ulat wadt",
    540: "awsst irkst jayt jst kst pwt ulast wdt yakt", 570: "acst cast",
    600: "aest chut ddut kdt ligt mpt pgt trut vlat yakst yapt", 630: "acsst acdt cadt lhst sadt",
    660: "aesst aedt kost lhdt magt nft pont vlast vut",
    720: "anat ckt fjt gilt magst mht nzst nzt pett tvt wakt wft", 765: "chast",
    780: "anast fjst nzdt petst phot tkt tot", 825: "chadt", 840: "lint",
}  # fmt: skip
OFFSETS: Final = {name: minutes for minutes, names in _MINUTES.items() for name in names.split()}
"""Minutes east of Greenwich by abbreviation, lower case."""
_IN_SUMMER: Final = (
    "akdt pdt mdt cdt edt adt ndt pmdt brst clst fkst pyst uyst wgst easst egst azost bst bdst cest cetdst mest metdst"
    " wetdst eest eetdst amst azst idt msd uzst yekst almst novst omsst irkst vlast magst petst anast ulast fjst chadt"
    " nzdt acdt acsst aedt aesst awsst cadt kdt lhdt sadt wdt"
)
DAYLIGHT: Final = frozenset(_IN_SUMMER.split())
"""Abbreviations of times in summer."""
_POSIX: Final = r"^\s*[A-Za-z_/]+\s*([+-]?)(\d{1,2})(?::(\d{2}))?(?::\d{2})?\s*$"
_WESTERN: Final = {5: "America/New_York", 6: "America/Chicago", 7: "America/Denver", 8: "America/Los_Angeles"}
_DAYLIGHT: Final = re.compile(r"\s*[A-Za-z]+(\d{1,2})[A-Za-z]+\s*\Z")
_OFFSET: Final = r"^\s*([+-])(\d{1,2})(?::?(\d{2}))?\s*$"


def offset(text: str) -> int | None:
    """Return the minutes east of Greenwich that *text* means, None for the name of a place."""
    known = OFFSETS.get(text.strip().lower())
    if known is not None:
        return known
    for pattern, east in ((_POSIX, -1), (_OFFSET, 1)):
        if match := re.match(pattern, text):
            minutes = int(match[2]) * 60 + int(match[3] or 0)
            return minutes * east * (-1 if match[1] == "-" else 1)
    return None


def local(stamp: str, zone: Value) -> str:
    """Write the wall clock of *zone* at *stamp*, engine SQL of a TIMESTAMP in UTC."""
    return _moved(stamp, zone, "+")


def universal(stamp: str, zone: Value) -> str:
    """Write the TIMESTAMP in UTC of *stamp*, engine SQL of a wall clock in *zone*."""
    return _moved(stamp, zone, "-")


def _moved(stamp: str, zone: Value, sign: str) -> str:
    name = "rs_local" if sign == "+" else "rs_universal"
    if zone.literal is None:
        table = ", ".join(f"'{key}': {minutes}" for key, minutes in OFFSETS.items())
        return f"{name}_any({stamp}, {zone.sql}, MAP {{{table}}})"
    minutes = offset(zone.literal)
    if minutes is not None:
        return f"({stamp} {sign} to_minutes({minutes}))" if minutes else stamp
    daylight = _DAYLIGHT.match(zone.literal)
    place = _WESTERN.get(int(daylight[1])) if daylight else None
    return f"{name}({stamp}, {literal(place or zone.literal.strip())})"


_SUMMER: Final = {
    # zone: (offset, abbreviation) in winter, in summer
    **dict.fromkeys(("america/new_york", "us/eastern", "est5edt"), (("-05", "EST"), ("-04", "EDT"))),
    **dict.fromkeys(("america/chicago", "us/central", "cst6cdt"), (("-06", "CST"), ("-05", "CDT"))),
    **dict.fromkeys(("america/denver", "us/mountain", "mst7mdt"), (("-07", "MST"), ("-06", "MDT"))),
    **dict.fromkeys(("america/los_angeles", "us/pacific", "pst8pdt"), (("-08", "PST"), ("-07", "PDT"))),
    **dict.fromkeys(("europe/london", "gb"), (("+00", "GMT"), ("+01", "BST"))),
    **dict.fromkeys(
        ("europe/paris", "europe/berlin", "europe/madrid", "europe/rome", "europe/amsterdam", "europe/brussels",
         "europe/vienna", "europe/zurich", "europe/prague", "europe/stockholm", "europe/oslo", "europe/copenhagen",
         "europe/warsaw", "europe/budapest", "cet"),
        (("+01", "CET"), ("+02", "CEST")),
    ),
    **dict.fromkeys(("asia/tokyo", "japan"), (("+09", "JST"),)),
}  # fmt: skip


def abbreviations(name: str) -> tuple[tuple[str, str], ...]:
    """Return (offset, abbreviation) of a zone, as far as they are known."""
    return _SUMMER.get(name.lower(), ())

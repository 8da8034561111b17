"""The functions by which types are read and written, as pg_type names them; pg_proc has a row for each.

PostgreSQL's names and OIDs where the type is PostgreSQL's, so that clients know its binary form by them (ADBC by the
name of ``typreceive``, Npgsql by its row in pg_proc). Types of Redshift's own whose binary form is their text are
received as text is.
"""

from dataclasses import dataclass
from typing import Final

from core.types import BYTEA, TYPNAMES

UNUSED: Final = {"bytea": BYTEA.oid, "cstring": 2275, "anyarray": 2277, "trigger": 2279, "internal": 2281}
"""Types that SQL has no name for, most of functions' arguments and results: their OIDs."""
ELEMENTS: Final = {"int2vector": 21, "oidvector": 26}
"""Types beside the arrays of other types whose values have elements: the OIDs of those."""
_ARRAY: Final = ("array_", 750, 751, 2400, 2401)
_BINARY_FORMS: Final = {
    "super": "text", "hllsketch": "text", "geometry": "text", "geography": "text", "refcursor": "text", "varbyte": "bytea",
}  # fmt: skip
"""Types whose binary form is another's."""

_ROWS: Final = {
    # type: what its functions' names begin with, the OIDs of in, out, recv, send; 0: there is none.
    "bool": ("bool", 1242, 1243, 2436, 2437),
    "int2": ("int2", 38, 39, 2404, 2405),
    "int4": ("int4", 42, 43, 2406, 2407),
    "int8": ("int8", 460, 461, 2408, 2409),
    "numeric": ("numeric_", 1701, 1702, 2460, 2461),
    "float4": ("float4", 200, 201, 2424, 2425),
    "float8": ("float8", 214, 215, 2426, 2427),
    "bpchar": ("bpchar", 1044, 1045, 2430, 2431),
    "varchar": ("varchar", 1046, 1047, 2432, 2433),
    "date": ("date_", 1084, 1085, 2468, 2469),
    "time": ("time_", 1143, 1144, 2470, 2471),
    "timetz": ("timetz_", 1350, 1351, 2472, 2473),
    "timestamp": ("timestamp_", 1312, 1313, 2474, 2475),
    "timestamptz": ("timestamptz_", 1150, 1151, 2476, 2477),
    "interval": ("interval_", 1160, 1161, 2478, 2479),
    "intervaly2m": ("intervaly2m_", 2800, 2801, 2802, 2803),
    "intervald2s": ("intervald2s_", 2804, 2805, 2806, 2807),
    "bytea": ("bytea", 1244, 31, 2412, 2413),
    "varbyte": ("varbyte_", 2816, 2817, 2412, 2413),
    "super": ("super_", 2808, 2809, 2414, 2415),
    "hllsketch": ("hllsketch_", 2810, 2811, 2414, 2415),
    "geometry": ("geometry_", 2812, 2813, 2414, 2415),
    "geography": ("geography_", 2814, 2815, 2414, 2415),
    "text": ("text", 46, 47, 2414, 2415),
    "name": ("name", 34, 35, 2422, 2423),
    "char": ("char", 1245, 33, 2434, 2435),
    "unknown": ("unknown", 109, 110, 2416, 2417),
    "oid": ("oid", 1798, 1799, 2418, 2419),
    "regprocedure": ("regprocedure", 2212, 2213, 2446, 2447),
    "regproc": ("regproc", 44, 45, 2444, 2445),
    "regclass": ("regclass", 2218, 2219, 2452, 2453),
    "regtype": ("regtype", 2220, 2221, 2454, 2455),
    "int2vector": ("int2vector", 40, 41, 2410, 2411),
    "oidvector": ("oidvector", 54, 55, 2420, 2421),
    "xid": ("xid", 50, 51, 2440, 2441),
    "refcursor": ("text", 46, 47, 2414, 2415),
    "anyelement": ("anyelement_", 2312, 2313, 0, 0),
    "void": ("void_", 2298, 2299, 0, 0),
    "record": ("record_", 2290, 2291, 2402, 2403),
    "aclitem": ("aclitem", 1031, 1032, 0, 0),
    "cstring": ("cstring_", 2292, 2293, 2500, 2501),
    "anyarray": ("anyarray_", 2296, 2297, 2502, 2503),
    "trigger": ("trigger_", 2300, 2301, 0, 0),
    "internal": ("internal_", 2304, 2305, 0, 0),
}


@dataclass(frozen=True, slots=True)
class Functions:
    """The OIDs of a type's functions, 0 for none."""

    read: int
    write: int
    receive: int
    send: int


def of(name: str) -> Functions:
    """Return the functions of the type called *name* in pg_type; those of arrays for any that is not known."""
    return Functions(*_ROWS.get(name, _ARRAY)[1:])


def _procedures() -> tuple[tuple[int, str, str, str], ...]:
    found: dict[int, tuple[int, str, str, str]] = {}
    for name, (stem, read, write, receive, send) in (*_ROWS.items(), ("anyarray", _ARRAY)):
        form = _BINARY_FORMS.get(name, name)
        binary = _BINARY_FORMS.get(name, stem)
        more = " oid int4" if name not in TYPNAMES or TYPNAMES[name].length < 0 else ""
        for oid, called, given, back in (
            (read, f"{stem}in", f"cstring{more}", name),
            (write, f"{stem}out", name, "cstring"),
            (receive, f"{binary}recv", "internal", form),
            (send, f"{binary}send", form, "bytea"),
        ):
            if oid:
                found.setdefault(oid, (oid, called, given, back))
    return tuple(found[oid] for oid in sorted(found))


PROCEDURES: Final = _procedures()
"""(OID, name, argument types, result type), a row a function."""

"""Spatial functions over DuckDB's extension of that name; a geometry is hexadecimal EWKB (``engine.geometries``).

What gives a geometry keeps its argument's SRID; what takes two wants theirs to be the same.
"""

from typing import Final

from core import types
from sql.functions.spec import Call, Function
from sql.value import INT4, Value, made

_GEOMETRY: Final = types.of("geometry")
_EARTH_M: Final = "6371008.771415059"
"""Mean radius of WGS 84's ellipsoid."""


def _read(sql: str) -> str:
    return f"ST_GeomFromHEXEWKB({sql})"


def _ewkb(sql: str, srid: str) -> str:
    return f"rs_ewkb(ST_AsHEXWKB({sql}), {srid})"


class _Template:
    """Writes a call from a template over ``{0}``, ``{1}`` … and, read, ``{g0}``, ``{g1}``; notes the extension.

    A geometry is bound to a lambda's parameter: the template may use it often, and calls nest.
    """

    def __init__(self, template: str, arguments: tuple[str, ...], result: str) -> None:
        self._template = template
        self._bound = tuple(kind in {"geometry", "shape"} for kind in arguments)
        self._result = types.of(result)

    def __call__(self, call: Call) -> Value:
        call.scope.writer.spatial = True
        names = [f"rs_g{index}" if self._bound[index] else sql for index, sql in enumerate(call.sql)]
        sql = self._template.format(*names, **{f"g{index}": _read(name) for index, name in enumerate(names)})
        for index, name in enumerate(names):
            if self._bound[index]:
                sql = f"list_transform([{call.sql[index]}], lambda {name}: {sql})[1]"
        return made(sql, self._result, exact=True)


def _measure(name: str, engine: str, returns: str) -> Function:
    sql = f"{engine}({{g0}})"
    sql = f"CAST({sql} AS INTEGER)" if returns == "int4" else sql
    # What counts is the same on a plane and on a sphere; what measures is not.
    return _row(name, ("shape" if returns == "int4" else "geometry",), sql, returns)


def _row(name: str, arguments: tuple[str, ...], template: str, returns: str = "geometry") -> Function:
    return Function(name=name, arguments=arguments, engine=_Template(template, arguments, returns), doc=f"{name}-function")


def _shape(name: str, engine: str, *more: str) -> Function:
    rest = "".join(f", {{{index}}}" for index in range(1, len(more) + 1))
    return _row(name, ("geometry", *more), _ewkb(f"{engine}({{g0}}{rest})", "rs_srid({0})"))


def _predicate(name: str, engine: str) -> Function:
    sql = f"CASE WHEN rs_one_srid({{0}}, {{1}}) IS NOT NULL THEN {engine}({{g0}}, {{g1}}) END"
    return _row(name, ("geometry", "geometry"), sql, "bool")


def _both(name: str, engine: str) -> Function:
    return _row(name, ("geometry", "geometry"), _ewkb(f"{engine}({{g0}}, {{g1}})", "rs_one_srid({0}, {1})"))


def _place(call: Call) -> Value:
    """Write a point of two, three or four coordinates."""
    call.scope.writer.spatial = True
    kind = {2: "POINT", 3: "POINT Z", 4: "POINT ZM"}[len(call.values)]
    if len(call.values) == 2:
        return made(_ewkb(f"CAST(ST_Point({call.sql[0]}, {call.sql[1]}) AS GEOMETRY)", "0"), _GEOMETRY, exact=True)
    numbers = " || ' ' || ".join(f"CAST({sql} AS VARCHAR)" for sql in call.sql)
    return made(_ewkb(f"ST_GeomFromText('{kind} (' || {numbers} || ')')", "0"), _GEOMETRY, exact=True)


def _collected(call: Call) -> Value:
    """Collect a group's geometries; of NULLs only there is nothing."""
    call.scope.writer.spatial = True
    value, over = call.sql[0], call.over
    whole = _ewkb(f"ST_Collect(list({_read(value)}{call.order}){over})", f"max(rs_srid({value})){over}")
    return made(f"CASE WHEN count({value}){over} > 0 THEN {whole} END", _GEOMETRY, exact=True)


def _srid(call: Call) -> Value:
    return made(f"rs_srid({call.sql[0]})", INT4, exact=True)


_CORNERS: Final = (
    "[ST_Point(ST_XMin({g0}), ST_YMin({g0})), ST_Point(ST_XMin({g0}), ST_YMax({g0})),"
    " ST_Point(ST_XMax({g0}), ST_YMax({g0})), ST_Point(ST_XMax({g0}), ST_YMin({g0})),"
    " ST_Point(ST_XMin({g0}), ST_YMin({g0}))]"
)
_ENVELOPE: Final = (
    "CASE WHEN {g0} IS NULL OR ST_IsEmpty({g0}) THEN {g0}"
    " WHEN ST_XMin({g0}) = ST_XMax({g0}) AND ST_YMin({g0}) = ST_YMax({g0})"
    " THEN CAST(ST_Point(ST_XMin({g0}), ST_YMin({g0})) AS GEOMETRY)"
    " WHEN ST_XMin({g0}) = ST_XMax({g0}) OR ST_YMin({g0}) = ST_YMax({g0})"
    " THEN ST_MakeLine(ST_Point(ST_XMin({g0}), ST_YMin({g0})), ST_Point(ST_XMax({g0}), ST_YMax({g0})))"
    f" ELSE ST_MakePolygon(ST_MakeLine({_CORNERS})) END"
)
_SPHERE: Final = "rs_sphere(ST_X({{g0}}), ST_Y({{g0}}), ST_X({{g1}}), ST_Y({{g1}}), {0})"
_LINES_ONLY: Final = "CASE WHEN CAST(ST_GeometryType({g0}) AS VARCHAR) = 'LINESTRING' THEN "
_NAMED_TYPE: Final = (
    "CASE CAST(ST_GeometryType({g0}) AS VARCHAR) WHEN 'POINT' THEN 'ST_Point' WHEN 'LINESTRING' THEN 'ST_LineString'"
    " WHEN 'POLYGON' THEN 'ST_Polygon' WHEN 'MULTIPOINT' THEN 'ST_MultiPoint' WHEN 'MULTILINESTRING' THEN"
    " 'ST_MultiLineString' WHEN 'MULTIPOLYGON' THEN 'ST_MultiPolygon' WHEN 'GEOMETRYCOLLECTION' THEN"
    " 'ST_GeometryCollection' END"
)
_SRID_OF_TEXT: Final = "coalesce(TRY_CAST(regexp_extract({0}, '^SRID=([0-9]+);', 1) AS INTEGER), 0)"

TABLE: Final = (
    # Measures
    *(_measure(name, engine, "float8") for name, engine in (
        ("st_area", "ST_Area"), ("st_length", "ST_Length"), ("st_length2d", "ST_Length"),
        ("st_perimeter", "ST_Perimeter"), ("st_perimeter2d", "ST_Perimeter"), ("st_x", "ST_X"), ("st_y", "ST_Y"),
        ("st_z", "ST_Z"), ("st_m", "ST_M"), ("st_xmin", "ST_XMin"), ("st_xmax", "ST_XMax"), ("st_ymin", "ST_YMin"),
        ("st_ymax", "ST_YMax"), ("st_zmin", "ST_ZMin"), ("st_zmax", "ST_ZMax"), ("st_mmin", "ST_MMin"),
        ("st_mmax", "ST_MMax"))),
    *(_measure(name, engine, "bool") for name, engine in (
        ("st_isempty", "ST_IsEmpty"), ("st_isclosed", "ST_IsClosed"), ("st_issimple", "ST_IsSimple"),
        ("st_isvalid", "ST_IsValid"), ("st_isring", "ST_IsRing"))),
    *(_measure(name, engine, "int4") for name, engine in (
        ("st_npoints", "ST_NPoints"), ("st_numgeometries", "ST_NGeometries"), ("st_dimension", "ST_Dimension"),
        ("st_numinteriorrings", "ST_NInteriorRings"))),
    _row("st_numpoints", ("geometry",), _LINES_ONLY + "CAST(ST_NPoints({g0}) AS INTEGER) END", "int4"),
    _row("st_ndims", ("geometry",), "[2, 3, 3, 4][ST_ZMFlag({g0}) + 1]", "int4"),
    _row("st_iscollection", ("geometry",),
         "regexp_matches(CAST(ST_GeometryType({g0}) AS VARCHAR), '^MULTI|COLLECTION')", "bool"),
    Function(name="st_srid", arguments=("shape",), engine=_srid, doc="ST_SRID-function"),
    _row("geometrytype", ("geometry",),
         "CAST(ST_GeometryType({g0}) AS VARCHAR) || CASE WHEN ST_ZMFlag({g0}) = 1 THEN 'M' ELSE '' END", "varchar"),
    _row("st_geometrytype", ("shape",), _NAMED_TYPE, "varchar"),
    # Relations
    *(_predicate(name, engine) for name, engine in (
        ("st_contains", "ST_Contains"), ("st_containsproperly", "ST_ContainsProperly"), ("st_coveredby", "ST_CoveredBy"),
        ("st_covers", "ST_Covers"), ("st_crosses", "ST_Crosses"), ("st_disjoint", "ST_Disjoint"),
        ("st_equals", "ST_Equals"), ("st_intersects", "ST_Intersects"), ("st_touches", "ST_Touches"),
        ("st_within", "ST_Within"))),
    _row("st_dwithin", ("geometry", "geometry", "float8"),
         "CASE WHEN rs_one_srid({0}, {1}) IS NOT NULL THEN ST_Distance({g0}, {g1}) <= {2} END", "bool"),
    _row("st_distance", ("geometry", "geometry"),
         "CASE WHEN rs_one_srid({0}, {1}) IS NOT NULL AND NOT ST_IsEmpty({g0}) AND NOT ST_IsEmpty({g1})"
         " THEN ST_Distance({g0}, {g1}) END", "float8"),
    _row("st_distancesphere", ("geometry", "geometry"), _SPHERE.format(_EARTH_M), "float8"),
    _row("st_distancesphere", ("geometry", "geometry", "float8"), _SPHERE.format("{2}"), "float8"),
    _row("st_azimuth", ("geometry", "geometry"), "ST_Azimuth({g0}, {g1})", "float8"),
    # Geometries of geometries
    *(_shape(name, engine) for name, engine in (
        ("st_boundary", "ST_Boundary"), ("st_centroid", "ST_Centroid"), ("st_convexhull", "ST_ConvexHull"),
        ("st_endpoint", "ST_EndPoint"), ("st_startpoint", "ST_StartPoint"), ("st_exteriorring", "ST_ExteriorRing"),
        ("st_force2d", "ST_Force2D"), ("st_multi", "ST_Multi"), ("st_points", "ST_Points"),
        ("st_reverse", "ST_Reverse"))),
    _shape("st_buffer", "ST_Buffer", "float8"),
    _shape("st_buffer", "ST_Buffer", "float8", "int"),
    _shape("st_simplify", "ST_Simplify", "float8"),
    _shape("st_pointn", "ST_PointN", "int"),
    _shape("st_interiorringn", "ST_InteriorRingN", "int"),
    _shape("st_lineinterpolatepoint", "ST_LineInterpolatePoint", "float8"),
    _row("st_geometryn", ("geometry", "int"),
         _ewkb("CASE WHEN {1} > 0 THEN ST_Dump({g0})[{1}].geom END", "rs_srid({0})")),
    _row("st_envelope", ("geometry",), _ewkb(_ENVELOPE, "rs_srid({0})")),
    _both("st_intersection", "ST_Intersection"),
    _both("st_union", "ST_Union"),
    _both("st_makeline", "ST_MakeLine"),
    _row("st_makepolygon", ("geometry",), _ewkb("ST_MakePolygon({g0})", "rs_srid({0})")),
    _row("st_polygon", ("geometry", "int"), _ewkb("ST_MakePolygon({g0})", "{1}")),
    _row("st_collect", ("geometry", "geometry"),
         "CASE WHEN {0} IS NULL THEN {1} WHEN {1} IS NULL THEN {0} ELSE "
         + _ewkb("ST_Collect([{g0}, {g1}])", "rs_one_srid({0}, {1})") + " END"),
    Function(name="st_collect", arguments=("geometry",), engine=_collected, kind="aggregate", doc="ST_Collect-function"),
    Function(name="st_setsrid", arguments=("geometry", "int"), engine="rs_set_srid({0}, {1})", returns="geometry",
             exact=True, doc="ST_SetSRID-function"),
    # Made of numbers, of text, of bytes
    Function(name="st_point", arguments=("float8", "float8"), engine=_place, doc="ST_Point-function"),
    Function(name="st_makepoint", arguments=("float8", "float8", "float8?", "float8?"), engine=_place,
             doc="ST_MakePoint-function"),
    _row("st_makeenvelope", ("float8", "float8", "float8", "float8"), _ewkb("ST_MakeEnvelope({0}, {1}, {2}, {3})", "0")),
    _row("st_makeenvelope", ("float8", "float8", "float8", "float8", "int"),
         _ewkb("ST_MakeEnvelope({0}, {1}, {2}, {3})", "{4}")),
    _row("st_geomfromtext", ("text",), _ewkb("ST_GeomFromText({0})", "0")),
    _row("st_geomfromtext", ("text", "int"), _ewkb("ST_GeomFromText({0})", "{1}")),
    _row("st_geomfromewkt", ("text",),
         _ewkb("ST_GeomFromText(regexp_replace({0}, '^SRID=[0-9]+;', ''))", _SRID_OF_TEXT)),
    _row("st_geogfromtext", ("text",),
         _ewkb("ST_GeomFromText(regexp_replace({0}, '^SRID=[0-9]+;', ''))", "4326"), "geography"),
    _row("st_geomfromwkb", ("varbyte", "int?"), _ewkb("ST_GeomFromWKB({0})", "0")),
    _row("st_geomfromwkb", ("text",), _ewkb("ST_GeomFromHEXEWKB({0})", "0")),
    _row("st_geomfromwkb", ("text", "int"), _ewkb("ST_GeomFromHEXEWKB({0})", "{1}")),
    _row("st_geogfromwkb", ("text",), _ewkb("ST_GeomFromHEXEWKB({0})", "4326"), "geography"),
    _row("st_geomfromewkb", ("text",), _ewkb("ST_GeomFromHEXEWKB({0})", "rs_srid(upper({0}))")),
    _row("st_geomfromewkb", ("varbyte",), _ewkb("ST_GeomFromHEXEWKB(hex({0}))", "rs_srid(hex({0}))")),
    _row("st_geomfromgeojson", ("text",), _ewkb("ST_GeomFromGeoJSON({0})", "4326")),
    # Shown
    _row("st_astext", ("shape",), "rs_wkt(ST_AsText({g0}), 15)", "varchar"),
    _row("st_astext", ("shape", "int"), "rs_wkt(ST_AsText({g0}), {1})", "varchar"),
    _row("st_asewkt", ("shape",),
         "CASE WHEN rs_srid({0}) > 0 THEN 'SRID=' || rs_srid({0}) || ';' ELSE '' END || rs_wkt(ST_AsText({g0}), 15)",
         "varchar"),
    _row("st_asewkt", ("shape", "int"),
         "CASE WHEN rs_srid({0}) > 0 THEN 'SRID=' || rs_srid({0}) || ';' ELSE '' END || rs_wkt(ST_AsText({g0}), {1})",
         "varchar"),
    _row("st_asgeojson", ("shape",), "rs_rounded(CAST(ST_AsGeoJSON({g0}) AS VARCHAR), 15)", "varchar"),
    _row("st_asgeojson", ("shape", "int"), "rs_rounded(CAST(ST_AsGeoJSON({g0}) AS VARCHAR), {1})", "varchar"),
    _row("st_asbinary", ("shape",), "unhex(ST_AsHEXWKB({g0}))", "varbyte"),
    _row("st_ashexwkb", ("shape",), "ST_AsHEXWKB({g0})", "varchar"),
    Function(name="st_asewkb", arguments=("shape",), engine="unhex({0})", returns="varbyte", exact=True,
             doc="ST_AsEWKB-function"),
    Function(name="st_ashexewkb", arguments=("shape",), engine="CAST({0} AS VARCHAR)", exact=True,
             doc="ST_AsHexEWKB-function"),
)  # fmt: skip

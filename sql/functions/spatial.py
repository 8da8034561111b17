"""Spatial functions over DuckDB's extension of that name; a geometry is hexadecimal EWKB (``engine.geometries``).

What gives a geometry keeps its argument's SRID; what takes two wants theirs to be the same.
"""

from typing import Final

from core import types
from sql.functions.spec import Call, Function
from sql.value import INT4, Value, made

_GEOMETRY: Final = types.of("geometry")
_EARTH_M: Final = "6371008.771415"
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
        self._bound = tuple(kind in {"geometry", "geography", "shape"} for kind in arguments)
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

_KIND: Final = "CAST(ST_GeometryType({0}) AS VARCHAR)"


def _sum_of(points: str, term: str) -> str:
    """Write the sum of a *term* over ``rs_p[rs_i]`` and the next one, of the points that a geometry goes through."""
    terms = f"list_sum(list_transform(range(1, len(rs_p)), lambda rs_i: {term}))"
    return f"list_transform([ST_Dump(ST_Points({points}))], lambda rs_p: {terms})[1]"


def _parts(kind: str, body: str) -> str:
    """Write *body* over ``rs_d.geom`` of a geometry's parts of one kind."""
    chosen = f"list_filter(ST_Dump({{g0}}), lambda rs_d: {_KIND.format('rs_d.geom')} = '{kind}')"
    return f"list_transform({chosen}, lambda rs_d: {body})"


_NEXT: Final = (
    "rs_sphere(ST_X(rs_p[rs_i].geom), ST_Y(rs_p[rs_i].geom), ST_X(rs_p[rs_i + 1].geom), ST_Y(rs_p[rs_i + 1].geom), "
)
_TURN: Final = (
    "ST_X(rs_p[rs_i].geom) * ST_Y(rs_p[rs_i + 1].geom) - ST_X(rs_p[rs_i + 1].geom) * ST_Y(rs_p[rs_i].geom)"
)


def _wound(sign: str, other: str) -> str:
    """Write whether all outer rings turn one way and all inner ones the other."""
    holes = (
        "coalesce(list_bool_and(list_transform(range(1, ST_NInteriorRings(rs_d.geom) + 1), lambda rs_n: "
        + _sum_of("ST_InteriorRingN(rs_d.geom, CAST(rs_n AS INTEGER))", _TURN) + f" {other} 0)), true)"
    )  # fmt: skip
    outer = _sum_of("ST_ExteriorRing(rs_d.geom)", _TURN)
    wound = f"list_bool_and({_parts('POLYGON', f'{outer} {sign} 0 AND {holes}')})"
    return f"CASE WHEN {{0}} IS NOT NULL THEN coalesce({wound}, true) END"


_TURNED: Final = "list_transform([{0}], lambda rs_a: CASE WHEN rs_a < 0 THEN rs_a + 2 * pi() ELSE rs_a END)[1]"
_ON_EARTH: Final = "CAST(ST_Point(ST_Y({0}), ST_X({0})) AS POINT_2D)"
_CELL: Final = (
    "ST_MakePolygon(ST_MakeLine([ST_Point(rs_c.x1, rs_c.y1), ST_Point(rs_c.x1, rs_c.y2), ST_Point(rs_c.x2, rs_c.y2),"
    " ST_Point(rs_c.x2, rs_c.y1), ST_Point(rs_c.x1, rs_c.y1)]))"
)


def _cell(length: str) -> str:
    return f"list_transform([rs_geohash_cell({{0}}, {length})], lambda rs_c: {_ewkb(_CELL, '0')})[1]"


TABLE: Final = (
    # Lines and their points
    Function(name="st_addpoint", arguments=("geometry", "geometry"), engine="rs_add_point({0}, {1}, -1)",
             returns="geometry", exact=True, doc="ST_AddPoint-function"),
    Function(name="st_addpoint", arguments=("geometry", "geometry", "int"), engine="rs_add_point({0}, {1}, {2})",
             returns="geometry", exact=True, doc="ST_AddPoint-function"),
    Function(name="st_removepoint", arguments=("geometry", "int"), engine="rs_remove_point({0}, {1})",
             returns="geometry", exact=True, doc="ST_RemovePoint-function"),
    Function(name="st_setpoint", arguments=("geometry", "int", "geometry"), engine="rs_set_point({0}, {1}, {2})",
             returns="geometry", exact=True, doc="ST_SetPoint-function"),
    Function(name="st_linefrommultipoint", arguments=("geometry",), engine="rs_line_of_points({0})",
             returns="geometry", exact=True, doc="ST_LineFromMultiPoint-function"),
    _row("st_angle", ("geometry", "geometry", "geometry"),
         _TURNED.format("ST_Azimuth({g1}, {g2}) - ST_Azimuth({g1}, {g0})"), "float8"),
    _row("st_angle", ("geometry", "geometry", "geometry", "geometry"),
         _TURNED.format("ST_Azimuth({g2}, {g3}) - ST_Azimuth({g0}, {g1})"), "float8"),
    _row("st_lengthsphere", ("geometry",),
         "CASE WHEN {0} IS NOT NULL THEN coalesce(list_sum(" + _parts("LINESTRING", _sum_of("rs_d.geom", f"{_NEXT}{_EARTH_M})"))
         + "), 0) END", "float8"),
    _row("st_ispolygoncw", ("geometry",), _wound("<", ">"), "bool"),
    _row("st_ispolygonccw", ("geometry",), _wound(">", "<"), "bool"),
    _row("st_nrings", ("geometry",),
         "CASE WHEN {0} IS NOT NULL THEN CAST(coalesce(list_sum(" + _parts("POLYGON", "1 + ST_NInteriorRings(rs_d.geom)")
         + "), 0) AS INTEGER) END", "int4"),
    *(_row(name, ("geometry",), _ewkb(f"{engine}({{g0}}, {zeros})", "rs_srid({0})")) for name, engine, zeros in (
        ("st_force3d", "ST_Force3DZ", "0"), ("st_force3dz", "ST_Force3DZ", "0"), ("st_force3dm", "ST_Force3DM", "0"),
        ("st_force4d", "ST_Force4D", "0, 0"))),
    _row("st_transform", ("geometry", "int"),
         _ewkb("ST_Transform({g0}, 'EPSG:' || rs_srid({0}), 'EPSG:' || {1}, true)", "{1}")),
    *(_row("st_geohash", ("geometry", *more), "CASE WHEN " + _KIND.format("{g0}") + " <> 'POINT' THEN rs_shape_error("
           f"'ST_GeoHash needs a point') WHEN NOT ST_IsEmpty({{g0}}) THEN rs_geohash(ST_X({{g0}}), ST_Y({{g0}}), {length}) END", "varchar")
      for more, length in (((), "20"), (("int",), "{1}"))),
    _row("st_geomfromgeohash", ("text",), _cell("length({0})")),
    _row("st_geomfromgeohash", ("text", "int"), _cell("{1}")),
    # On the spheroid
    _row("st_area", ("geography",), "ST_Area_Spheroid(ST_FlipCoordinates({g0}))", "float8"),
    _row("st_length", ("geography",), "ST_Length_Spheroid(ST_FlipCoordinates({g0}))", "float8"),
    _row("st_perimeter", ("geography",), "ST_Perimeter_Spheroid(ST_FlipCoordinates({g0}))", "float8"),
    _row("st_distance", ("geography", "geography"),
         "CASE WHEN " + _KIND.format("{g0}") + " <> 'POINT' OR " + _KIND.format("{g1}") + " <> 'POINT' THEN"
         " rs_shape_error('ST_Distance of GEOGRAPHY is supported for points only') ELSE ST_Distance_Spheroid("
         + _ON_EARTH.format("{g0}") + ", " + _ON_EARTH.format("{g1}") + ") END", "float8"),
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

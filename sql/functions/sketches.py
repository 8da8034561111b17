"""HyperLogLog: sketches of sets, and how many members they have. Macros: ``engine.sketches``."""

from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import of
from sql.functions.spec import Call, Function, Write
from sql.value import INT8, Value, made

_SKETCH: Final = of("hllsketch")
_UNFIT: Final = frozenset({"hllsketch", "varbyte", "geometry", "geography", "super"})


def _check(call: Call) -> str:
    """Return the argument's engine SQL; raises 42883 for a type that has no sketches."""
    value = call.values[0]
    if value.name in _UNFIT:
        raise SqlError(
            SqlState.UNDEFINED_FUNCTION,
            f"function {call.name}({value.type.type.sql}) does not exist",
            hint="No function matches the given name and argument types. You may need to add explicit type casts.",
            position=call.scope.writer.position(call.node),
        )
    return value.sql


def _cardinality(call: Call) -> Value:
    """Count exactly what a sketch would estimate."""
    return made(f"count(DISTINCT {_check(call)}){call.over}", INT8, exact=True)


def _create(call: Call) -> Value:
    return made(f"rs_sketch(list(DISTINCT rs_sketch_key({_check(call)})){call.over})", _SKETCH, exact=True)


def _aggregate(name: str, arguments: tuple[str, ...], engine: str | Write, doc: str) -> Function:
    return Function(name=name, arguments=arguments, engine=engine, returns="hllsketch", kind="aggregate",
                    exact=True, doc=doc)  # fmt: skip


TABLE: Final = (
    _aggregate("hll", ("any",), _cardinality, "r_HLL_function"),
    _aggregate("hll_create_sketch", ("any",), _create, "r_HLL_CREATE_SKETCH"),
    _aggregate("hll_combine", ("hllsketch",), "rs_sketch_merged(list({0}){over})", "r_HLL_COMBINE"),
    Function(name="hll_combine_sketches", arguments=("hllsketch", "hllsketch"), engine="rs_sketch_merge({0}, {1})",
             returns="hllsketch", exact=True, doc="r_HLL_COMBINE_SKETCHES"),
    Function(name="hll_cardinality", arguments=("hllsketch",), engine="rs_sketch_count({0})", returns="int8",
             exact=True, doc="r_HLL_CARDINALITY"),
)  # fmt: skip

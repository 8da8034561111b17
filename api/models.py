"""The services' own models, as botocore ships them: operations, shapes of input and output, errors.

What is asked is read and judged, what is answered is written, by the same descriptions that clients use
(decision record 0022). Three protocols: JSON 1.1 (``redshift-data``, ``redshift-serverless``) and Query with
XML (``redshift``). Nothing here knows what an operation does.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeAlias
from xml.sax.saxutils import escape

from api.errors import ApiError, invalid

# Classes of botocore, which ships no types and takes long to import.
OperationModel: TypeAlias = Any
Shape: TypeAlias = Any
_DEPTH: Final = 16
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "character": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float, str),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}
_WHOLE: Final = re.compile(r"[+-]?\d{1,18}")


class RawJson(bytes):
    """A member's value that is JSON already."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service."""

    model: Any

    @property
    def is_query(self) -> bool:
        """Whether it speaks Query and XML."""
        return bool(self.model.metadata["protocol"] == "query")

    @property
    def signing_name(self) -> str:
        """What its requests are signed for."""
        return str(self.model.metadata.get("signingName") or self.model.metadata["endpointPrefix"])

    def operation(self, name: str) -> Any:
        """Return the model of an operation; raises ``ApiError`` for one that the service does not have."""
        if name not in self.model.operation_names:
            code = "InvalidAction" if self.is_query else "UnknownOperationException"
            raise ApiError(code, f"The action {name} is not valid for this web service.")
        return self.model.operation_model(name)


@cache
def service(name: str) -> Service:
    """Return the service called *name*; reads a file the first time."""
    from botocore.loaders import create_loader
    from botocore.model import ServiceModel

    return Service(ServiceModel(create_loader().load_service_model(name, "service-2"), name))


# Input.


def read_json(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """Return the input of a JSON request; raises ``ApiError``."""
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise ApiError("SerializationException", "The request's body is not JSON.") from None
    if not isinstance(given, dict):
        raise ApiError("SerializationException", "The request's body is not an object.")
    return _checked(operation, given)


def read_query(operation: OperationModel, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the input of a Query request; raises ``ApiError``."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        place: Any = tree
        *folders, last = name.split(".")
        for part in folders:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise invalid(f"{name} does not fit the parameters before it.")
        place[last] = value
    shape = operation.input_shape
    return _checked(operation, _from_query(shape, tree) if shape is not None else {})


def _from_query(shape: Shape, given: Any) -> Any:
    if shape.type_name == "structure" and isinstance(given, dict):
        named = {_location(member, name): (name, member) for name, member in shape.members.items()}
        return {named[key][0]: _from_query(named[key][1], value) for key, value in given.items() if key in named}
    if shape.type_name == "list" and isinstance(given, dict):
        inner: Any = given
        if len(inner) == 1 and not next(iter(inner)).isdigit():
            inner = next(iter(inner.values()))
        items = inner.items() if isinstance(inner, dict) else ()
        ordered = sorted((int(key), value) for key, value in items if key.isdigit())
        return [_from_query(shape.member, value) for _, value in ordered]
    if shape.type_name == "list" and given == "":
        return []
    if shape.type_name in {"integer", "long"} and isinstance(given, str) and _WHOLE.fullmatch(given):
        return int(given)
    if shape.type_name == "boolean" and given in {"true", "false"}:
        return given == "true"
    return given


def _checked(operation: OperationModel, given: dict[str, Any]) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    problems = list(_problems(shape, given, "", 0))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
        raise invalid(f"{count}: {'; '.join(problems[:10])}")
    return {name: value for name, value in given.items() if name in shape.members and value is not None}


def _problems(shape: Shape, value: Any, place: str, depth: int) -> Iterator[str]:
    wanted = _TYPES[shape.type_name]
    fits = isinstance(value, wanted) and (isinstance(value, bool) is (shape.type_name == "boolean"))
    if not fits or depth > _DEPTH:
        yield _problem(place, f"Member must be of type {shape.type_name}")
        return
    yield from _PROBLEMS.get(shape.type_name, _no_problems)(shape, value, place, depth)


def _problem(place: str, constraint: str) -> str:
    return f"Value at '{place}' failed to satisfy constraint: {constraint}"


def _no_problems(shape: Shape, value: Any, place: str, depth: int) -> Iterator[str]:
    yield from ()


def _structure_problems(shape: Shape, value: Any, place: str, depth: int) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _problem(_below(place, name), "Member must not be null")
    for name, item in value.items():
        if name in shape.members and item is not None:
            yield from _problems(shape.members[name], item, _below(place, name), depth + 1)


def _list_problems(shape: Shape, value: Any, place: str, depth: int) -> Iterator[str]:
    yield from _length_problems(shape, value, place, depth)
    for number, item in enumerate(value, start=1):
        yield from _problems(shape.member, item, f"{place}.{number}.member", depth + 1)


def _text_problems(shape: Shape, value: Any, place: str, depth: int) -> Iterator[str]:
    yield from _length_problems(shape, value, place, depth)
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        yield _problem(place, f"Member must satisfy enum value set: [{', '.join(choices)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and re.fullmatch(pattern, value) is None:
        yield _problem(place, f"Member must satisfy regular expression pattern: {pattern}")


def _length_problems(shape: Shape, value: Any, place: str, depth: int) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and len(value) < least:
        yield _problem(place, f"Member must have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield _problem(place, f"Member must have length less than or equal to {most}")


def _number_problems(shape: Shape, value: Any, place: str, depth: int) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield _problem(place, f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        yield _problem(place, f"Member must have value less than or equal to {most}")


_PROBLEMS: Final[Mapping[str, Callable[[Shape, Any, str, int], Iterator[str]]]] = {
    "structure": _structure_problems,
    "list": _list_problems,
    "string": _text_problems,
    "integer": _number_problems,
    "long": _number_problems,
}


def _below(place: str, name: str) -> str:
    own = name[:1].lower() + name[1:]
    return f"{place}.{own}" if place else own


def _location(shape: Shape, name: str) -> str:
    return str(shape.serialization.get("name", name))


# Output.


def write_json(operation: OperationModel, answer: Mapping[str, Any]) -> bytes:
    """Return the body of a JSON response; a member may be ``RawJson``."""
    shape = operation.output_shape
    members = []
    for name, value in answer.items():
        if shape is None or value is None or name not in shape.members:
            continue
        written = value if isinstance(value, RawJson) else json.dumps(_plain(shape.members[name], value)).encode()
        members.append(json.dumps(name).encode() + b":" + written)
    return b"{" + b",".join(members) + b"}"


def _plain(shape: Shape, value: Any) -> Any:
    if shape.type_name == "structure":
        return {
            name: _plain(member, value[name]) for name, member in shape.members.items() if value.get(name) is not None
        }
    if shape.type_name == "list":
        return [_plain(shape.member, item) for item in value]
    if shape.type_name == "timestamp":
        if shape.serialization.get("timestampFormat") == "iso8601":
            return _iso(value)
        return round(value.timestamp(), 3)
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return value


def write_xml(service_: Service, operation: OperationModel, answer: Mapping[str, Any], request_id: str) -> bytes:
    """Return the body of a Query response."""
    shape, name = operation.output_shape, operation.name
    inner = ""
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result")
        inner = f"<{wrapper}>{_xml_members(shape, answer)}</{wrapper}>"
    namespace = service_.model.metadata["xmlNamespace"]
    return (
        f'<{name}Response xmlns="{namespace}">{inner}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
    ).encode()


def _xml_members(shape: Shape, value: Mapping[str, Any]) -> str:
    return "".join(
        _xml(member, _location(member, name), value[name])
        for name, member in shape.members.items()
        if value.get(name) is not None
    )


def _xml(shape: Shape, tag: str, value: Any) -> str:
    if shape.type_name == "structure":
        return f"<{tag}>{_xml_members(shape, value)}</{tag}>"
    if shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        items = "".join(_xml(shape.member, item, each) for each in value)
        return f"<{tag}>{items}</{tag}>"
    if shape.type_name == "timestamp":
        return f"<{tag}>{_iso(value)}</{tag}>"
    if shape.type_name == "boolean":
        return f"<{tag}>{'true' if value else 'false'}</{tag}>"
    return f"<{tag}>{escape(str(value))}</{tag}>"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


# Errors.


def write_json_error(error: ApiError) -> bytes:
    """Return the body of an error in JSON."""
    fields = {"Message": error.message, "message": error.message, **error.fields}
    return json.dumps({"__type": error.code, **fields}).encode()


def write_xml_error(service_: Service, error: ApiError, request_id: str) -> bytes:
    """Return the body of an error in XML."""
    kind = "Sender" if error.status < 500 else "Receiver"
    namespace = service_.model.metadata["xmlNamespace"]
    return (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()


def code_of(operation: OperationModel, shape_name: str) -> tuple[str, int]:
    """Return the code and the HTTP status of one of an operation's errors (``ClusterNotFoundFault``)."""
    for shape in operation.error_shapes:
        if shape.name == shape_name:
            found = shape.metadata.get("error", {})
            return found.get("code", shape_name), int(found.get("httpStatusCode", 400))
    return shape_name, 400

"""Clients of AWS's interfaces that hold every response, as it came, against the service's own model."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.loaders import create_loader
from botocore.model import ServiceModel

from tests.support.server import Server

REGION = "us-east-1"
CONFIG = """
[api]
listen = "https://127.0.0.1:0"
[identities.alice]
access_key_id = "AKIAALICE0000000000"
secret_access_key = "alice-secret"
policies = ["AdministratorAccess"]
[identities.bob]
access_key_id = "AKIABOB000000000000"
secret_access_key = "bob-secret"
policies = ["reports"]
[identities.nobody]
access_key_id = "AKIANOBODY000000000"
secret_access_key = "nobody-secret"
[identities."role/etl"]
access_key_id = "ASIAETL000000000000"
secret_access_key = "etl-secret"
session_token = "etl-token"
policies = ["AmazonRedshiftDataFullAccess"]
[[policies.reports.Statement]]
Effect = "Allow"
Action = ["redshift-data:*", "redshift:GetClusterCredentials", "redshift:Describe*"]
Resource = "*"
[[policies.reports.Statement]]
Effect = "Deny"
Action = "redshift:GetClusterCredentials"
Resource = "arn:aws:redshift:*:*:dbuser:*/awsuser"
[secrets]
"arn:aws:secretsmanager:us-east-1:123456789012:secret:admin" = "awsuser"
"""
KEYS = {
    "alice": ("AKIAALICE0000000000", "alice-secret", None),
    "bob": ("AKIABOB000000000000", "bob-secret", None),
    "nobody": ("AKIANOBODY000000000", "nobody-secret", None),
    "etl": ("ASIAETL000000000000", "etl-secret", "etl-token"),
}
_LISTENS = re.compile(r"duckshift listens on ((?:https?|grpc|grpc\+tls)://\S+)")


def urls(server: Server) -> list[str]:
    """Return where a server's other doors are."""
    return [found[1] for line in server.log if (found := _LISTENS.search(line))]


def api(server: Server) -> str:
    """Return where a server's interfaces over HTTP are."""
    return [url for url in urls(server) if url.startswith("http")][-1]


def flight(server: Server) -> str:
    """Return where a server speaks Flight."""
    return [url for url in urls(server) if url.startswith("grpc")][-1]


def trusted(server: Server) -> str:
    """Return the file that makes a client trust a server."""
    return f"{server.data}/tls/server.crt"


def client(service: str, server: Server, who: str = "alice") -> Any:
    """Return a boto3 client whose responses are checked."""
    key, secret, token = KEYS[who]
    made = boto3.client(
        service,
        endpoint_url=api(server),
        verify=trusted(server),
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"max_attempts": 0}, read_timeout=40, connect_timeout=5),
    )
    model = ServiceModel(create_loader().load_service_model(service, "service-2"), service)
    made.meta.events.register("before-parse", lambda response_dict, operation_model, **_: check(model, operation_model.name, response_dict))
    return made


def check(model: Any, operation: str, response: dict[str, Any]) -> None:
    """Raise AssertionError where a response is not what the model of its operation says."""
    described = model.operation_model(operation)
    failed = response["status_code"] >= 300
    if model.metadata["protocol"] == "query":
        root = ET.fromstring(response["body"])
        problems = list(_xml_error(root) if failed else _xml_answer(described, root))
    else:
        assert response["headers"]["content-type"] == "application/x-amz-json-1.1"
        body = json.loads(response["body"])
        problems = list(_json_error(described, body) if failed else _json(described.output_shape, body, operation))
    assert not problems, problems


def _json_error(operation: Any, body: dict[str, Any]) -> Iterator[str]:
    general = {
        "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException",
        "MissingAuthenticationTokenException", "UnsupportedOperation", "SerializationException", "UnknownOperationException",
    }  # fmt: skip
    shapes = {shape.name: shape for shape in operation.error_shapes}
    code = body.get("__type")
    if code in general:
        return
    if code not in shapes:
        yield f"{operation.name} has no error {code}"
        return
    yield from (f"{code} lacks {name}" for name in shapes[code].required_members if name not in body and name.lower() not in body)


def _xml_error(root: ET.Element) -> Iterator[str]:
    if not root.tag.endswith("ErrorResponse") or not root.findtext("{*}Error/{*}Code"):
        yield "no ErrorResponse"


def _xml_answer(operation: Any, root: ET.Element) -> Iterator[str]:
    if _plain(root) != f"{operation.name}Response" or root.find("{*}ResponseMetadata/{*}RequestId") is None:
        yield f"{root.tag} is not the response"
    shape = operation.output_shape
    if shape is not None:
        inner = root.find(f"{{*}}{shape.serialization['resultWrapper']}")
        yield from ["no result"] if inner is None else _xml(shape, inner, operation.name)


def _plain(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _xml(shape: Any, element: ET.Element, place: str) -> Iterator[str]:
    if shape.type_name == "structure":
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for child in element:
            if _plain(child) not in known:
                yield f"{place}: {_plain(child)} is not in {shape.name}"
            else:
                yield from _xml(known[_plain(child)], child, f"{place}.{_plain(child)}")
    elif shape.type_name == "list":
        for child in element:
            if _plain(child) != shape.member.serialization.get("name", "member"):
                yield f"{place}: {_plain(child)} is no item of {shape.name}"
            yield from _xml(shape.member, child, f"{place}[]")
    else:
        patterns = {"boolean": r"true|false", "integer": r"-?\d+", "long": r"-?\d+", "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"}
        pattern = patterns.get(shape.type_name)
        if pattern and not re.fullmatch(pattern, element.text or ""):
            yield f"{place}: {element.text} is no {shape.type_name}"


_JSON_TYPES: dict[str, Any] = {
    "string": str, "blob": str, "boolean": bool, "integer": int, "long": int, "double": (int, float), "timestamp": (int, float, str),
    "structure": dict, "list": list, "map": dict,
}  # fmt: skip


def _json(shape: Any, value: Any, place: str) -> Iterator[str]:
    kind = shape.type_name
    if not isinstance(value, _JSON_TYPES[kind]) or isinstance(value, bool) is not (kind == "boolean"):
        yield f"{place}: {value!r} is no {kind}"
    elif kind == "structure":
        yield from _json_structure(shape, value, place)
    elif kind == "list":
        for item in value:
            yield from _json(shape.member, item, f"{place}[]")
    elif kind == "string":
        yield from _json_text(shape, value, place)


def _json_structure(shape: Any, value: dict[str, Any], place: str) -> Iterator[str]:
    yield from (f"{place}: {name} is missing" for name in shape.required_members if name not in value)
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        yield f"{place}: {value} is no union"
    for name, item in value.items():
        if name in shape.members:
            yield from _json(shape.members[name], item, f"{place}.{name}")
        else:
            yield f"{place}: {name} is not in {shape.name}"


def _json_text(shape: Any, value: str, place: str) -> Iterator[str]:
    choices, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if choices and value not in choices:
        yield f"{place}: {value} is none of {choices}"
    if pattern and not re.fullmatch(pattern, value):
        yield f"{place}: {value} does not match {pattern}"

"""Policy documents in IAM's shape, and the decision: may this identity take this action on this resource?

AWS, "IAM JSON policy elements", "Policy evaluation logic": what no statement allows is refused, and a Deny wins
over every Allow. Documents are identity policies, so they have no Principal. An element or condition that is
not known here is an error when the document is read: a policy is never understood in part.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

Context = Mapping[str, Sequence[str]]
"""Condition keys, in lower case, with their values in this request."""
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_SIGNS: Final = {"*": "*", "?": "?", "$": "$"}
_ELEMENTS: Final = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})
_IF_EXISTS: Final = "IfExists"
_SETS: Final = ("ForAllValues", "ForAnyValue")


class PolicyError(Exception):
    """A document that is no policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One line of a Condition block: all operands are alternatives."""

    operator: str
    key: str
    operands: tuple[str, ...]
    if_exists: bool = False
    every: bool = False
    """ForAllValues: each of the request's values must match one operand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a policy."""

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    all_actions_but: bool = False
    """NotAction."""
    all_resources_but: bool = False
    """NotResource."""
    conditions: tuple[Condition, ...] = ()

    def fits(self, action: str, resource: str, context: Context) -> bool:
        """Tell whether the statement speaks of this."""
        named = any(_like(pattern.lower(), action.lower()) for pattern in self.actions)
        there = any(_like(_filled(pattern, context), resource) for pattern in self.resources)
        return (
            named is not self.all_actions_but
            and there is not self.all_resources_but
            and all(_holds(condition, context) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A document."""

    name: str
    statements: tuple[Statement, ...] = field(default=())


def may(policies: Iterable[Policy], action: str, resource: str, context: Context) -> bool:
    """Decide."""
    fitting = [
        statement for policy in policies for statement in policy.statements if statement.fits(action, resource, context)
    ]
    return bool(fitting) and all(statement.allow for statement in fitting)


def read_policy(name: str, document: Mapping[str, Any]) -> Policy:
    """Return the policy that *document* (``Version``, ``Statement``) is; raises ``PolicyError``."""
    strange = set(document) - {"Version", "Id", "Statement"}
    if strange:
        raise PolicyError(f'policy "{name}": unknown element {min(strange)}')
    given = document.get("Statement")
    statements: list[Any] = given if isinstance(given, list) else [given]
    if not statements or not all(isinstance(statement, Mapping) for statement in statements):
        raise PolicyError(f'policy "{name}": Statement must be a list of tables')
    return Policy(name, tuple(_statement(name, statement) for statement in statements))


def _statement(name: str, given: Mapping[str, Any]) -> Statement:
    strange = set(given) - _ELEMENTS
    if strange:
        raise PolicyError(f'policy "{name}": unknown element {min(strange)}')
    if given.get("Effect") not in {"Allow", "Deny"}:
        raise PolicyError(f'policy "{name}": Effect must be Allow or Deny')
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (one in given) is (other in given):
            raise PolicyError(f'policy "{name}": a statement has either {one} or {other}')
    return Statement(
        allow=given["Effect"] == "Allow",
        actions=_texts(name, given.get("Action", given.get("NotAction"))),
        resources=_texts(name, given.get("Resource", given.get("NotResource"))),
        all_actions_but="NotAction" in given,
        all_resources_but="NotResource" in given,
        conditions=tuple(_conditions(name, given.get("Condition", {}))),
    )


def _conditions(name: str, given: object) -> Iterable[Condition]:
    if not isinstance(given, Mapping):
        raise PolicyError(f'policy "{name}": Condition must be a table')
    for written, lines in given.items():
        prefix, _, plain = str(written).rpartition(":")
        operator = plain.removesuffix(_IF_EXISTS)
        if operator not in OPERATORS or (prefix and prefix not in _SETS) or not isinstance(lines, Mapping):
            raise PolicyError(f'policy "{name}": condition {written} is not supported')
        for key, operands in lines.items():
            yield Condition(
                operator=operator,
                key=str(key).lower(),
                operands=_texts(name, operands),
                if_exists=plain.endswith(_IF_EXISTS),
                every=prefix == "ForAllValues",
            )


def _texts(name: str, given: object) -> tuple[str, ...]:
    items = given if isinstance(given, list | tuple) else [given]
    texts = tuple(str(item).lower() if isinstance(item, bool) else item for item in items)
    if not texts or not all(isinstance(text, str | int | float) for text in texts):
        raise PolicyError(f'policy "{name}": a value must be text or a list of text')
    return tuple(str(text) for text in texts)


def _holds(condition: Condition, context: Context) -> bool:
    present = context.get(condition.key, ())
    if condition.operator == "Null":
        return bool(present) is not (condition.operands[0] == "true")
    test = OPERATORS[condition.operator]
    operands = [_filled(operand, context, escape=condition.operator in _PATTERNS) for operand in condition.operands]
    if not present:
        # A key that is absent satisfies what asks for it not to be something, and nothing else.
        return condition.if_exists or condition.every or condition.operator in _NEGATED
    judged = (_matches(test, value, operands, negated=condition.operator in _NEGATED) for value in present)
    return all(judged) if condition.every else any(judged)


def _matches(test: Callable[[str, str], bool], value: str, operands: Sequence[str], *, negated: bool) -> bool:
    return (
        all(test(value, operand) for operand in operands)
        if negated
        else any(test(value, operand) for operand in operands)
    )


def _filled(text: str, context: Context, *, escape: bool = True) -> str:
    """Return *text* with its policy variables replaced; the signs of a value are no wildcards.

    A variable without a value is replaced by a sign that no name has, so that it matches nothing.
    """

    def value(found: re.Match[str]) -> str:
        name, _, default = found[1].partition(",")
        if found[1] in _SIGNS:
            return f"[{found[1]}]" if escape else found[1]
        values = context.get(name.strip().lower(), ())
        plain = values[0] if len(values) == 1 else default.strip().strip("'") or "\0"
        return "".join(f"[{sign}]" if escape and sign in "*?[" else sign for sign in plain)

    return _VARIABLE.sub(value, text)


@lru_cache(maxsize=4_096)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\[[*?\[$]\]|\*|\?)", pattern)
    written = {"*": ".*", "?": "."}
    return re.compile(
        "".join(
            written.get(part) or re.escape(part[1] if len(part) == 3 and part[0] == "[" else part) for part in parts
        ),
        re.DOTALL,
    )


def _like(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


def _number(test: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compared(value: str, operand: str) -> bool:
        try:
            return test(float(value), float(operand))
        except ValueError:
            return False

    return compared


def _moment(test: Callable[[datetime, datetime], bool]) -> Callable[[str, str], bool]:
    def compared(value: str, operand: str) -> bool:
        try:
            moments = [datetime.fromisoformat(text) for text in (value, operand)]
            return test(*(moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in moments))
        except ValueError:
            return False

    return compared


def _within(value: str, operand: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return False


def _never(value: str, operand: str) -> bool:
    return False


OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda value, operand: value == operand,
    "StringNotEquals": lambda value, operand: value != operand,
    "StringEqualsIgnoreCase": lambda value, operand: value.lower() == operand.lower(),
    "StringNotEqualsIgnoreCase": lambda value, operand: value.lower() != operand.lower(),
    "StringLike": lambda value, operand: _like(operand, value),
    "StringNotLike": lambda value, operand: not _like(operand, value),
    "ArnEquals": lambda value, operand: _like(operand, value),
    "ArnLike": lambda value, operand: _like(operand, value),
    "ArnNotEquals": lambda value, operand: not _like(operand, value),
    "ArnNotLike": lambda value, operand: not _like(operand, value),
    "Bool": lambda value, operand: value.lower() == operand.lower(),
    "NumericEquals": _number(lambda value, operand: value == operand),
    "NumericLessThan": _number(lambda value, operand: value < operand),
    "NumericLessThanEquals": _number(lambda value, operand: value <= operand),
    "NumericGreaterThan": _number(lambda value, operand: value > operand),
    "NumericGreaterThanEquals": _number(lambda value, operand: value >= operand),
    "DateEquals": _moment(lambda value, operand: value == operand),
    "DateLessThan": _moment(lambda value, operand: value < operand),
    "DateLessThanEquals": _moment(lambda value, operand: value <= operand),
    "DateGreaterThan": _moment(lambda value, operand: value > operand),
    "DateGreaterThanEquals": _moment(lambda value, operand: value >= operand),
    "IpAddress": _within,
    "NotIpAddress": lambda value, operand: not _within(value, operand),
    "Null": _never,
}
_NEGATED: Final = frozenset(name for name in OPERATORS if "Not" in name)
_PATTERNS: Final = frozenset(name for name in OPERATORS if "Like" in name or name.startswith("Arn"))

MANAGED: Final[Mapping[str, Mapping[str, Any]]] = {
    "AdministratorAccess": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
    "AmazonRedshiftFullAccess": {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["redshift:*", "redshift-serverless:*", "redshift-data:*"],
                "Resource": "*",
            }
        ]
    },
    "AmazonRedshiftDataFullAccess": {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "redshift-data:*",
                    "redshift:GetClusterCredentialsWithIAM",
                    "redshift-serverless:GetCredentials",
                    "secretsmanager:GetSecretValue",
                ],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": "redshift:GetClusterCredentials",
                "Resource": ["arn:aws:redshift:*:*:dbname:*/*", "arn:aws:redshift:*:*:dbuser:*/redshift_data_api_user"],
            },
            {
                "Effect": "Deny",
                "Action": "redshift:CreateClusterUser",
                "Resource": "arn:aws:redshift:*:*:dbuser:*/redshift_data_api_user",
            },
        ]
    },
    "AmazonRedshiftReadOnlyAccess": {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "redshift:Describe*",
                    "redshift-serverless:List*",
                    "redshift-serverless:Get*",
                ],
                "Resource": "*",
            },
            {"Effect": "Deny", "Action": "redshift-serverless:GetCredentials", "Resource": "*"},
        ]
    },
}
"""AWS's managed policies that speak of Redshift, by name."""

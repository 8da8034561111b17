"""What IAM roles stand for in COPY, UNLOAD and external schemas, as the configuration says.

A role's keys are its own, or assume it at the Security Token Service; its policies say what it may do in S3, its trust
policy who may assume it ("Restricting access to IAM roles"), in the shape of IAM's documents.
"""

from collections.abc import Callable, Mapping
from typing import Final

from api.place import Place
from auth import iam
from core.config import ConfigError, Options
from core.config import Role as RoleOptions
from server.access import s3_access
from storage.objects import Role
from storage.peers import Peer, Peers

_DEFAULT: Final = "default"
_ASSUME: Final = "sts:AssumeRole"
_EXTERNAL_ID: Final = "sts:externalid"
_PREFIX: Final = "s3:prefix"


def policies(options: Options) -> dict[str, iam.Policy]:
    """Return AWS's own policies and those of the configuration by name; raises ``ConfigError``."""
    try:
        documents = {**iam.MANAGED, **options.policies}
        return {name: iam.read_policy(name, document) for name, document in documents.items()}
    except iam.PolicyError as error:
        raise ConfigError(str(error)) from None


def peers(options: Options) -> Peers:
    """Return the servers that datashares come from or go to."""
    return Peers({
        name: Peer(
            host=item.host, port=item.port, database=item.database, user=item.user, password=item.password,
            tls=item.tls, authority=item.authority, role=item.role, admits=item.admits,
        )
        for name, item in options.namespaces.items()
    })  # fmt: skip


def roles(options: Options) -> dict[str, Role]:
    """Return all roles by ARN; raises ``ConfigError``."""
    known = policies(options)
    return {given.name: _role(given, known) for given in options.roles.values()}


def external_id(place: Place) -> Callable[[str], str]:
    """Return what trust policies know database users of this cluster by."""
    return place.user_arn


def _role(given: RoleOptions, known: Mapping[str, iam.Policy]) -> Role:
    access = s3_access(given.access)
    if given.assume:
        if given.name == _DEFAULT:
            raise ConfigError("a role that is to be assumed is named by its ARN, not by default")
        access = s3_access(given.access, assumed=given.name)
    return Role(
        arn=given.name,
        access=access,
        prefixes=given.allowed,
        allows=_allows(_named(given, given.policies, known)),
        trusts=_trusts(given.name, _named(given, given.trust, known)),
    )


def _named(given: RoleOptions, names: tuple[str, ...], known: Mapping[str, iam.Policy]) -> tuple[iam.Policy, ...]:
    for name in names:
        if name not in known:
            raise ConfigError(f'role "{given.name}" names the policy "{name}", which there is not')
    return tuple(known[name] for name in names)


def _allows(documents: tuple[iam.Policy, ...]) -> Callable[[str, str, str], bool] | None:
    if not documents:
        return None

    def allows(action: str, resource: str, prefix: str) -> bool:
        return iam.may(documents, action, resource, {_PREFIX: (prefix,)} if prefix else {})

    return allows


def _trusts(arn: str, documents: tuple[iam.Policy, ...]) -> Callable[[str], bool] | None:
    if not documents:
        return None

    def trusts(known: str) -> bool:
        return iam.may(documents, _ASSUME, arn, {_EXTERNAL_ID: (known,)} if known else {})

    return trusts

"""Object stores: where COPY reads and UNLOAD writes, local folders and S3.

A location is ``s3://bucket/key`` or a local path. Listing matches key prefixes, as S3 does: ``…/sales``
finds ``…/sales.csv`` and ``…/sales_2008/part.gz``. Who may use which place is decided by ``StoreAccess``.

DuckDB reads S3 through pre-signed addresses. Its secrets are shared by the whole instance, so that of two
loads with different credentials one could read with the other's; a pre-signed address carries the right
to one object for some hours, and no secret.
"""

import itertools
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, Protocol
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError

from core.errors import SqlError
from core.sqlstate import SqlState
from storage.aws import s3_client
from storage.database import S3Access

_S3: Final = "s3://"
_ARN: Final = "arn:aws:s3:::"
_LIST: Final = "s3:ListBucket"
_GET: Final = "s3:GetObject"
_PUT: Final = "s3:PutObject"
_DELETE: Final = "s3:DeleteObject"
_SIGNED_FOR_S: Final = 12 * 3600
_PIECE_BYTES: Final = 1 << 20


Allows = Callable[[str, str, str], bool]
"""Decides on an action (``s3:GetObject``), a resource (ARN) and, of a listing, its prefix."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a listing."""

    location: str
    size_bytes: int
    version: str = ""
    """What changes when the object is written anew: S3's ETag, of a file size and time."""
    modified: datetime | None = None


class StoreError(SqlError):
    """The store itself could not be asked: it is away, slow, or refuses."""


class ObjectStore(Protocol):
    """Objects under whole keys. Every method blocks and raises ``SqlError``."""

    def list(self, prefix: str) -> list[StoredObject]:
        """Return the objects whose location starts with *prefix*, in order."""
        ...

    def size(self, location: str) -> int | None:
        """Return an object's size in bytes, None where there is no such object."""
        ...

    def read(self, location: str) -> IO[bytes]:
        """Open an object for reading; the caller closes it."""
        ...

    def write(self, location: str, source: Path) -> None:
        """Put the content of a local file, replacing what is there."""
        ...

    def delete(self, location: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...

    def engine_path(self, location: str) -> str:
        """Return what DuckDB reads the object by."""
        ...


def probe(store: ObjectStore, locations: Iterable[str]) -> None:
    """Raise what keeps the objects from being read, where the engine has said only that something does."""
    for location in locations:
        with store.read(location) as stream:
            while stream.read(_PIECE_BYTES):
                pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What the administrator lets an IAM role's ARN stand for."""

    arn: str
    access: S3Access = field(default_factory=S3Access)
    prefixes: tuple[str, ...] = ()
    """``s3://bucket/prefix`` places that the role may touch; empty is all that its keys may."""
    allows: Allows | None = None
    """Decides by the role's policies; None leaves it to the service."""
    trusts: Callable[[str], bool] | None = None
    """Decides by the role's trust policy whether an external id may assume it; None lets everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Credentials that a statement itself gives."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """The administrator's rules: roles, local folders and the endpoint for keys given in a statement."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    """By ARN; ``default`` is what ``IAM_ROLE default`` means."""
    local_folders: tuple[str, ...] = ()
    keys_access: S3Access = field(default_factory=S3Access)
    """Endpoint, region and style for ACCESS_KEY_ID credentials; its keys are not used."""
    external_id: Callable[[str], str] = str
    """Returns what trust policies know a database user by."""

    def store(
        self, location: str, *, role: str | None = None, keys: Keys | None = None, region: str = "", user: str = ""
    ) -> ObjectStore:
        """Return the store of *location* with the rights of *role* (ARN or ``default``) or of *keys*.

        *user* is who asks; a role may trust some and not others.
        """
        if not location.startswith(_S3):
            return LocalStore(self.local_folders)
        if role is not None:
            found = self.role(role)
            return S3Store(self.access(role=role, region=region, user=user), found.prefixes, found.allows)
        return S3Store(self.access(keys=keys, region=region))

    def access(
        self, *, role: str | None = None, keys: Keys | None = None, region: str = "", user: str = ""
    ) -> S3Access:
        """Return the credentials and addresses that *role* or *keys* stand for; raises where there are none."""
        if role is not None:
            return self._assume(self.role(role), region, user)
        # Empty keys must not fall back on the server's own credentials.
        if keys is not None and keys.access_key_id and keys.secret_access_key:
            return replace(
                self.keys_access,
                access_key_id=keys.access_key_id,
                secret_access_key=keys.secret_access_key,
                session_token=keys.session_token,
                region=region or self.keys_access.region,
            )
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE,
            "credentials are required to access an S3 location",
            hint="Use IAM_ROLE, or ACCESS_KEY_ID and SECRET_ACCESS_KEY.",
        )

    def _assume(self, role: Role, region: str, user: str) -> S3Access:
        given = role.access
        known = self.external_id(user) if user else ""
        if role.trusts is not None and not role.trusts(known):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"Not authorized to assume IAM Role {role.arn}")
        if given.assumed:
            given = replace(given, external_id=known)
        return replace(given, region=region) if region and not given.endpoint else given

    def role(self, arn: str) -> Role:
        """Return what the administrator says of a role, of a chain of them the last; raises 42501."""
        # Of a chain of roles the last one is what the bucket sees.
        name = arn.rsplit(",", 1)[-1].strip()
        role = self.roles.get("default" if name.lower() == "default" else name)
        if role is None:
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"Not authorized to assume IAM Role {name}")
        return role


class LocalStore:
    """Files below the folders that the administrator allows."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        """Allow what lies below *folders*, once links are followed."""
        self._folders = tuple(Path(folder).resolve() for folder in folders)
        self._links: Path | None = None
        self._numbers = itertools.count()

    def list(self, prefix: str) -> list[StoredObject]:
        """Return the files whose path starts with *prefix*, in order."""
        path = self._path(prefix)
        folder = path if prefix.endswith("/") else path.parent
        start = f"{path}/" if prefix.endswith("/") else str(path)
        # A link may lead out of the allowed folders: such files are not there.
        found = [
            _stored(file)
            for file in folder.rglob("*")
            if str(file).startswith(start) and self._allowed(file.resolve()) and file.is_file()
        ]
        return sorted(found, key=lambda item: item.location)

    def size(self, location: str) -> int | None:
        """Return a file's size in bytes, None where there is no such file."""
        path = self._path(location)
        return path.stat().st_size if path.is_file() else None

    def read(self, location: str) -> IO[bytes]:
        """Open a file for reading."""
        try:
            return self._path(location).open("rb")
        except OSError:
            raise SqlError(SqlState.UNDEFINED_FILE, f"The file '{location}' cannot be read") from None

    def write(self, location: str, source: Path) -> None:
        """Put a copy of *source*; readers see the old file or the whole new one."""
        path = self._path(location)
        partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, partial)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise SqlError(SqlState.IO_ERROR, f"The file '{location}' cannot be written") from None

    def delete(self, location: str) -> None:
        """Remove a file."""
        self._path(location).unlink(missing_ok=True)

    def engine_path(self, location: str) -> str:
        """Return a link to the file that holds as long as this store does.

        DuckDB takes a file for the one it has cached when path, size and the second of the last change agree, so
        that a file written anew would be read as the old one. Under a new path nothing is cached.
        """
        if self._links is None:
            self._links = Path(tempfile.mkdtemp(prefix="duckshift-links-"))
            weakref.finalize(self, shutil.rmtree, self._links, ignore_errors=True)
        link = self._links / str(next(self._numbers))
        link.symlink_to(self._path(location))
        return str(link)

    def _path(self, location: str) -> Path:
        given = Path(unquote(location[7:]) if location.startswith("file://") else location)
        path = given.resolve()
        if not given.is_absolute() or not self._allowed(path):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"access to local path '{location}' is not allowed")
        return path

    def _allowed(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self._folders)


def _stored(file: Path) -> StoredObject:
    facts = file.stat()
    version = f"{facts.st_mtime_ns:x}-{facts.st_size:x}"
    return StoredObject(str(file), facts.st_size, version, datetime.fromtimestamp(facts.st_mtime, UTC))


class S3Store:
    """Objects of S3 or of anything that speaks its protocol."""

    def __init__(
        self,
        access: S3Access,
        prefixes: tuple[str, ...] = (),
        allows: Allows | None = None,
    ) -> None:
        """Use the keys of *access*, within *prefixes* where there are any, for what *allows* allows."""
        self._prefixes = prefixes
        self._allows = allows
        self._client = s3_client(access)

    def list(self, prefix: str) -> list[StoredObject]:
        """Return the objects whose location starts with *prefix*, in order."""
        bucket, key = self._split(prefix, _LIST)
        found: list[StoredObject] = []
        with _Failures(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key):
                for item in page.get("Contents", ()):
                    place, version = f"{_S3}{bucket}/{item['Key']}", str(item.get("ETag", "")).strip('"')
                    found.append(StoredObject(place, int(item["Size"]), version, item.get("LastModified")))
        return found

    def size(self, location: str) -> int | None:
        """Return an object's size in bytes, None where there is no such object."""
        bucket, key = self._split(location, _GET)
        with _Failures(location):
            try:
                return int(self._client.head_object(Bucket=bucket, Key=key)["ContentLength"])
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey", "NotFound"}:
                    return None
                raise

    def read(self, location: str) -> IO[bytes]:
        """Open an object for reading."""
        bucket, key = self._split(location, _GET)
        with _Failures(location):
            from storage.resuming import resuming

            return resuming(self._client, bucket, key)

    def metadata(self, location: str) -> dict[str, str]:
        """Return what an object's writer has said of it."""
        bucket, key = self._split(location, _GET)
        with _Failures(location):
            found = self._client.head_object(Bucket=bucket, Key=key)["Metadata"]
            return {str(name).lower(): str(value) for name, value in found.items()}

    def write(self, location: str, source: Path, metadata: Mapping[str, str] | None = None) -> None:
        """Put the content of a local file, in parts where it is large."""
        bucket, key = self._split(location, _PUT)
        with _Failures(location):
            self._client.upload_file(str(source), bucket, key, ExtraArgs={"Metadata": dict(metadata or {})})

    def delete(self, location: str) -> None:
        """Remove an object."""
        bucket, key = self._split(location, _DELETE)
        with _Failures(location):
            self._client.delete_object(Bucket=bucket, Key=key)

    def engine_path(self, location: str) -> str:
        """Return a pre-signed address."""
        bucket, key = self._split(location, _GET)
        with _Failures(location):
            address: str = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_SIGNED_FOR_S
            )
            return address

    def _split(self, location: str, action: str) -> tuple[str, str]:
        """Return bucket and key; raises 42501 for what the role may not do there."""
        bucket, _, key = location.removeprefix(_S3).partition("/")
        if not location.startswith(_S3) or not bucket:
            raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"'{location}' is not an S3 location")
        if self._prefixes and not any(_below(location, prefix) for prefix in self._prefixes):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"the IAM role does not allow access to '{location}'")
        resource, prefix = f"{_ARN}{bucket}/{key}", ""
        if action == _LIST:
            resource, prefix = f"{_ARN}{bucket}", key
        if self._allows is not None and not self._allows(action, resource, prefix):
            raise SqlError(
                SqlState.INSUFFICIENT_PRIVILEGE,
                "S3ServiceException:Access Denied,Status 403,Error AccessDenied",
                detail=f"The IAM role does not allow {action} on '{location}'.",
            )
        return bucket, key


def _below(location: str, prefix: str) -> bool:
    # "s3://sales" must not open "s3://sales-secret": a bare bucket ends at its name.
    return location.startswith(prefix if "/" in prefix.removeprefix(_S3) else prefix + "/")


class _Failures:
    """Turns the S3 client's errors into ours."""

    def __init__(self, location: str) -> None:
        self._location = location

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # By name: the class would be imported for every server, and boto3 with it.
        if error is not None and type(error).__module__ == "boto3.exceptions":
            # Of an upload in parts: what went wrong is behind it.
            error = error.__context__
        if isinstance(error, ClientError):
            facts = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            code, message = facts.get("Code", "?"), facts.get("Message", "")
            denied = code in {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
            raise StoreError(
                SqlState.INSUFFICIENT_PRIVILEGE if denied else SqlState.INTERNAL_ERROR,
                f"S3ServiceException:{message},Status {status},Error {code}",
                detail=f"The location is '{self._location}'.",
            ) from None
        if isinstance(error, (BotoCoreError, OSError)):
            raise StoreError(
                SqlState.IO_ERROR, f"the object store of '{self._location}' cannot be reached"
            ) from None

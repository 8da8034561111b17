"""How a client of AWS's services is made: by boto3, which takes a tenth of a second to import.

``aws`` imports this when the first is wanted, and keeps them.
"""

from dataclasses import replace
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials

from storage import aws
from storage.database import S3Access

_RETRIES: Final = 4
_CONNECT_TIMEOUT_S: Final = 10
_SESSION_NAME: Final = "duckshift"


def s3(access: S3Access) -> Any:  # boto3 ships no types
    """Return a client of the S3 that *access* names."""
    endpoint = access.endpoint
    if endpoint and "://" not in endpoint:
        endpoint = ("https://" if access.use_ssl else "http://") + endpoint
    style = {"vhost": "virtual", "path": "path"}.get(access.url_style, "path" if endpoint else "auto")
    config = Config(signature_version="s3v4", s3={"addressing_style": style})
    return _client("s3", access, endpoint, config)


def service(access: S3Access, name: str, authority: str) -> Any:
    """Return a client of the service that boto3 calls *name*."""
    endpoint = dict(pair.split("=", 1) for pair in access.services if "=" in pair).get(name, "")
    return _client(name, access, endpoint, Config(), authority)


def _client(service: str, access: S3Access, endpoint: str, config: Config, authority: str = "") -> Any:
    patient = Config(retries={"max_attempts": _RETRIES, "mode": "standard"}, connect_timeout=_CONNECT_TIMEOUT_S)
    # A session of its own: boto3's default one is not safe to use from several threads.
    session = boto3.session.Session(botocore_session=_assuming(access) if access.assumed else None)
    keys = {} if access.assumed else _keys(access)
    return session.client(
        service,
        endpoint_url=endpoint or None,
        region_name=access.region or None,
        config=config.merge(patient),
        verify=authority or None,
        **keys,
    )


def _keys(access: S3Access) -> dict[str, str | None]:
    return {
        "aws_access_key_id": access.access_key_id or None,
        "aws_secret_access_key": access.secret_access_key or None,
        "aws_session_token": access.session_token or None,
    }


def _assuming(access: S3Access) -> botocore.session.Session:
    """Return a session whose credentials are a role's, had when they are first needed and anew before they end."""
    session = botocore.session.get_session()
    session.register_component("credential_provider", CredentialResolver([_AssumedRole(access)]))
    return session


class _AssumedRole(CredentialProvider):  # type: ignore[misc]  # botocore ships no types
    """Asks the Security Token Service (AssumeRole)."""

    METHOD = "duckshift-assume-role"

    def __init__(self, access: S3Access) -> None:
        super().__init__()
        self._access = access

    def load(self) -> DeferredRefreshableCredentials:
        """Return credentials that ask when they must."""
        return DeferredRefreshableCredentials(self._fetch, self.METHOD)

    def _fetch(self) -> dict[str, str]:
        access = self._access
        client = aws.service_client(replace(access, assumed="", external_id=""), "sts")
        wanted = {"RoleArn": access.assumed, "RoleSessionName": _SESSION_NAME}
        if access.external_id:
            wanted["ExternalId"] = access.external_id
        found = client.assume_role(**wanted)["Credentials"]
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

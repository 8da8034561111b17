"""An S3 endpoint on loopback for tests: moto's server in a thread of this process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from storage.database import S3Access

KEY_ID = "AKIDTEST"
SECRET = "se/cr+et="


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A running S3 endpoint."""

    address: str
    """``host:port``"""
    client: Any

    def access(self) -> S3Access:
        """Return how to reach it."""
        return S3Access(
            access_key_id=KEY_ID, secret_access_key=SECRET, endpoint=self.address, url_style="path", use_ssl=False
        )


    def environment(self) -> dict[str, str]:
        """Return how a server is told to reach it."""
        return {
            "DUCKSHIFT_S3_ENDPOINT": self.address,
            "DUCKSHIFT_S3_ACCESS_KEY_ID": KEY_ID,
            "DUCKSHIFT_S3_SECRET_ACCESS_KEY": SECRET,
            "DUCKSHIFT_S3_URL_STYLE": "path",
            "DUCKSHIFT_S3_USE_SSL": "false",
        }


@contextmanager
def endpoint(*buckets: str) -> Iterator[Endpoint]:
    """Run an endpoint that has *buckets*."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )
    try:
        for bucket in buckets:
            client.create_bucket(Bucket=bucket)
        yield Endpoint(f"{host}:{port}", client)
    finally:
        client.close()
        server.stop()

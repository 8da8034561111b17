"""How brokers are reached: the client library's settings, and what says who a role is."""

import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from core.errors import SqlError
from storage import kafka
from storage.database import S3Access
from storage.kafka import Brokers, settings

ACCESS = S3Access(access_key_id="AKID", secret_access_key="secret", session_token="more", region="eu-west-1")


def test_a_token_is_a_signed_address() -> None:
    text, until = kafka.token(ACCESS)
    address = urlsplit(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
    assert (address.scheme, address.netloc) == ("https", "kafka.eu-west-1.amazonaws.com")
    facts = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert facts["Action"] == "kafka-cluster:Connect"
    assert facts["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert facts["X-Amz-Credential"].split("/")[0] == "AKID"
    assert facts["X-Amz-Credential"].split("/")[2:] == ["eu-west-1", "kafka-cluster", "aws4_request"]
    assert facts["X-Amz-Expires"] == "900"
    assert facts["X-Amz-Security-Token"] == "more"
    assert len(facts["X-Amz-Signature"]) == 64
    assert until > 0


@pytest.mark.parametrize(("brokers", "wanted"), [
    (Brokers(addresses="a:9092,b:9092"), {"security.protocol": "PLAINTEXT"}),
    (Brokers(addresses="a:9094,b:9094"), {"security.protocol": "SSL"}),
    (Brokers(addresses="a:9098", access=ACCESS), {"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER"}),
    (
        Brokers(addresses="a:9094", certificate=json.dumps({
            "certificate": "C", "privateKey": "K", "privateKeyPassphrase": "P", "certificateAuthority": "A"
        })),
        {
            "security.protocol": "SSL", "ssl.certificate.pem": "C", "ssl.key.pem": "K", "ssl.key.password": "P",
            "ssl.ca.pem": "A",
        },
    ),
])  # fmt: skip
def test_settings(brokers: Brokers, wanted: dict[str, str]) -> None:
    found = settings(brokers)
    assert {name: found[name] for name in wanted} == wanted
    assert found["enable.auto.commit"] is False


@pytest.mark.parametrize("document", ["", "{}", "[]", '{"certificate": "C"}'])
def test_a_secret_that_is_none_says_so(document: str) -> None:
    with pytest.raises(SqlError, match="certificate"):
        kafka._certificate(document)

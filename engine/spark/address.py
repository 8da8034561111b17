"""Where a cluster is: ``sc://host:port/;key=value``, as Spark's own clients write it.

Apache Spark, "Spark Connect client connection string".
"""

from dataclasses import dataclass
from typing import Final

from core.option_values import ConfigError

_PORT: Final = 15_002
_KEYS: Final = frozenset({"use_ssl", "user_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkAddress:
    """A cluster's address."""

    host: str
    port: int
    tls: bool
    token: str
    user: str

    @property
    def target(self) -> str:
        """Return what gRPC connects to."""
        return f"{self.host}:{self.port}"


def read(url: str, token: str) -> SparkAddress:
    """Return the address that *url* is, to be called with *token*; raises ``ConfigError``."""
    scheme, mark, rest = url.partition("://")
    place, _, words = rest.partition("/")
    host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
    if not colon:
        host, port = place, str(_PORT)
    if scheme != "sc" or not mark or not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ConfigError("spark.url must be sc://HOST:PORT, or sc://HOST:PORT/;use_ssl=true;user_id=NAME")
    given = dict(word.partition("=")[::2] for word in words.split(";") if word)
    if "token" in given:
        raise ConfigError("spark.url holds a token, which belongs into spark.token")
    unknown = given.keys() - _KEYS
    if unknown:
        raise ConfigError(f"spark.url has a parameter that is not known here: {min(unknown)}")
    tls = given.get("use_ssl", "false").lower() == "true"
    if token and not tls:
        raise ConfigError("spark.token needs use_ssl=true in spark.url: it would be sent in the clear")
    return SparkAddress(host=host, port=int(port), tls=tls, token=token, user=given.get("user_id", "duckshift"))

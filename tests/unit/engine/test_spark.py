"""Addresses of Spark Connect servers, and queues that name an engine."""

import pytest

from core.option_values import ConfigError
from engine.spark.address import read
from engine.wlm import configuration


def test_address():
    plain = read("sc://spark.example.com", "")
    assert (plain.target, plain.tls, plain.user) == ("spark.example.com:15002", False, "duckshift")
    full = read("sc://10.0.0.7:443/;use_ssl=true;user_id=etl", "secret")
    assert (full.target, full.tls, full.user, full.token) == ("10.0.0.7:443", True, "etl", "secret")
    assert read("sc://[::1]:50051", "").target == "[::1]:50051"


@pytest.mark.parametrize(
    ("url", "token", "why"),
    [
        ("http://spark:15002", "", "must be sc://"),
        ("sc://", "", "must be sc://"),
        ("sc://spark:0", "", "must be sc://"),
        ("sc://spark:x", "", "must be sc://"),
        ("sc://spark/;x=1", "", "not known here: x"),
        ("sc://spark/;token=t", "", "belongs into spark.token"),
        ("sc://spark", "t", "use_ssl"),
    ],
)
def test_bad_address(url: str, token: str, why: str):
    with pytest.raises(ConfigError, match=why):
        read(url, token)


def test_queues_name_engines():
    text = '[{"name":"big","query_group":["big"],"engine":"spark","auto_wlm":true},{"auto_wlm":true}]'
    assert [queue.engine for queue in configuration.read(text).queues] == ["spark", ""]
    with pytest.raises(ConfigError, match="engine must be duckdb or spark"):
        configuration.read('[{"engine":"presto"}]')

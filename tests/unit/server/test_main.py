"""The command line, the log's lines, the health question."""

import io
import json
import logging
import re
import socket
import threading

import pytest

from core.config import LogOptions
from server import log
from server.health import SSL_REQUEST, is_healthy
from server.main import main


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith("DUCKSHIFT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def logging_restored():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_version_is_the_distributions(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert re.fullmatch(r"duckshift \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [[], ["serve", "--dta", "x"], ["sevre"]])
def test_wrong_usage_exits_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: duckshift" in capsys.readouterr().err


def test_a_configuration_error_is_one_line_and_two(tmp_path, capsys):
    file = tmp_path / "c.toml"
    file.write_text("[server]\nprot = 1\n")
    assert main(["serve", "--config", str(file)]) == 2
    error = capsys.readouterr().err
    assert error == f'duckshift: {file}: unknown key "prot" in [server], did you mean "port"?\n'


def test_the_file_may_be_named_by_a_variable(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DUCKSHIFT_CONFIG", str(tmp_path / "none.toml"))
    assert main(["serve"]) == 2
    assert "none.toml" in capsys.readouterr().err


def answering(reply):
    """Listen on a free port and answer the first message of one client with *reply*."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen = []

    def serve():
        connection, _ = listener.accept()
        with connection:
            seen.append(connection.recv(64))
            connection.sendall(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener, thread, seen


@pytest.mark.parametrize(("reply", "status"), [(b"S", 0), (b"N", 0), (b"H", 1), (b"", 1)])
def test_health_asks_for_tls(reply, status):
    listener, thread, seen = answering(reply)
    with listener:
        assert main(["health", "--port", str(listener.getsockname()[1])]) == status
        thread.join()
    assert seen == [SSL_REQUEST]


def test_health_of_nobody(capsys):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert main(["health", "--port", str(port)]) == 1
    assert capsys.readouterr().err == f"duckshift: no server answers at 127.0.0.1:{port}\n"


def test_health_does_not_wait_for_ever():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert is_healthy("127.0.0.1", mute.getsockname()[1], timeout_s=0.05) is False


@pytest.mark.usefixtures("logging_restored")
def test_a_text_line_cannot_be_forged():
    stream = io.StringIO()
    log.start(LogOptions(level="info", format="text"), stream)
    logging.getLogger("server.x").info("refused", extra={"user": "a\nb c", "port": 5, "empty": ""})
    logging.getLogger("server.x").debug("not shown")
    line = stream.getvalue()
    assert re.fullmatch(
        r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO server\.x refused user="a\\nb c" port=5 empty=""\n', line
    )


@pytest.mark.usefixtures("logging_restored")
def test_a_json_line_holds_the_facts_and_the_traceback():
    stream = io.StringIO()
    log.start(LogOptions(level="warning", format="json"), stream)
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logging.getLogger("server.x").exception("broke", extra={"id": 7, "level": "not ours"})
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert (record["level"], record["logger"], record["message"], record["id"]) == ("error", "server.x", "broke", 7)
    assert "ZeroDivisionError" in record["traceback"]

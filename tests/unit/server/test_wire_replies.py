"""What the server says, byte for byte as PostgreSQL's "Message Formats" has it."""

from core.errors import Diagnosis
from core.sqlstate import SqlState
from server.wire import authentication, copy, diagnostics, replies


def test_fixed_messages() -> None:
    assert replies.ready_for_query("I") == b"Z\0\0\0\5I"
    assert replies.command_complete("SELECT 1") == b"C\0\0\0\x0dSELECT 1\0"
    assert replies.parameter_status("a", "b") == b"S\0\0\0\x08a\0b\0"
    assert replies.backend_key_data(1, b"\1\2\3\4") == b"K\0\0\0\x0c\0\0\0\1\1\2\3\4"
    assert replies.parameter_description((23, 4_000_000_000)) == b"t\0\0\0\x0e\0\2\0\0\0\x17\xee\x6b\x28\0"
    assert authentication.AUTHENTICATION_OK == b"R\0\0\0\x08\0\0\0\0"
    assert authentication.authentication_request(5, b"salt") == b"R\0\0\0\x0c\0\0\0\5salt"


def test_copy() -> None:
    assert copy.copy_in_response(2, binary=False) == b"G\0\0\0\x0b\0\0\2\0\0\0\0"
    assert copy.copy_out_response(1, binary=True) == b"H\0\0\0\x09\1\0\1\0\1"
    assert copy.copy_data_header(3) + b"1\t2" == b"d\0\0\0\x071\t2"


def test_errors_and_notices() -> None:
    diagnosis = Diagnosis(severity="ERROR", state=SqlState.SYNTAX_ERROR, message="no\0pe", hint="Try.", position=8)
    fields = b"SERROR\0VERROR\0C42601\0Mnope\0HTry.\0P8\0\0"
    assert diagnostics.error_response(diagnosis) == b"E\0\0\0" + bytes([len(fields) + 4]) + fields
    assert diagnostics.notice_response(diagnosis)[:1] == b"N"

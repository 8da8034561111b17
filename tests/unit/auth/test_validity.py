"""VALID UNTIL. Redshift, "CREATE USER"."""

import pytest

from auth.validity import moment
from core.errors import SqlError
from core.sqlstate import SqlState


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("infinity", None),
        ("Infinity", None),
        ("2027-06-10", "2027-06-10T00:00:00+00:00"),
        ("2027-06-10 11:30", "2027-06-10T11:30:00+00:00"),
        ("2027-06-10 11:30:00.5", "2027-06-10T11:30:00.500000+00:00"),
        ("2027-06-10 11:30:00+02", "2027-06-10T09:30:00+00:00"),
        ("2027-06-10 11:30:00 UTC", "2027-06-10T11:30:00+00:00"),
        ("2027-06-10T11:30:00Z", "2027-06-10T11:30:00+00:00"),
        ("Jun 10 2027", "2027-06-10T00:00:00+00:00"),
        ("June 10, 2027 11:30:00", "2027-06-10T11:30:00+00:00"),
        ("06/10/2027", "2027-06-10T00:00:00+00:00"),
    ],
)
def test_moments(text: str, expected: str | None) -> None:
    assert moment(text) == expected


@pytest.mark.parametrize("text", ["soon", "2027-13-01", "2027-02-30", "10", "1/2", "2027-06-10 25:00"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(SqlError, match="invalid input syntax for type abstime") as caught:
        moment(text)
    assert caught.value.state is SqlState.INVALID_DATETIME_FORMAT


def test_a_moment_out_of_range() -> None:
    with pytest.raises(SqlError) as caught:
        moment("0001-01-01 00:00:00+05")
    assert caught.value.state is SqlState.DATETIME_FIELD_OVERFLOW

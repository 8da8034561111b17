"""COPY JOB: a COPY that is kept under a name, and what is done with it.

Redshift, "COPY JOB". COPY … JOB CREATE is read by ``sql.commands.copy``, which the text of a job is given to again
whenever it runs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sql.commands.show import ShowObjects
from sql.stream import Stream

if TYPE_CHECKING:
    from sql.commands.copy import Copy


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCopyJob:
    """COPY … JOB CREATE name [AUTO ON | OFF]."""

    copy: "Copy"
    text: str
    """The COPY alone, as written."""
    name: str
    auto: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterCopyJob:
    """COPY JOB ALTER name AUTO ON | OFF."""

    name: str
    auto: bool | None = None
    """None: nothing was said, and nothing changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCopyJob:
    """COPY JOB RUN name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropCopyJob:
    """COPY JOB DROP name."""

    name: str


CopyJobCommand = AlterCopyJob | RunCopyJob | DropCopyJob | ShowObjects
_ACTIONS: Final = ("ALTER", "RUN", "LIST", "SHOW", "DROP")


def at_copy_job(stream: Stream) -> bool:
    """Return whether JOB is the command's and not a table that is called so."""
    return stream.at("JOB") and stream.tokens[stream.index + 1].key in _ACTIONS


def read_copy_job(stream: Stream) -> CopyJobCommand:
    """Take what follows COPY in COPY JOB ALTER, RUN, LIST, SHOW and DROP."""
    stream.expect("JOB")
    match stream.expect_any(*_ACTIONS):
        case "LIST":
            return ShowObjects(topic="COPY JOBS")
        case "SHOW":
            return ShowObjects(topic="COPY JOB", name=(stream.identifier(),))
        case "RUN":
            return RunCopyJob(name=stream.identifier())
        case "DROP":
            return DropCopyJob(name=stream.identifier())
    return AlterCopyJob(name=stream.identifier(), auto=read_auto(stream))


def read_auto(stream: Stream) -> bool | None:
    """Take AUTO ON or AUTO OFF, None where there is neither."""
    return stream.expect_any("ON", "OFF") == "ON" if stream.take("AUTO") else None

"""Which message is legal when: the protocol's state machine as one table.

Everything about legality lives here; ``protocol`` only looks transitions up. What the server itself does
(an error, the start of COPY, ReadyForQuery) moves the machine too. PostgreSQL, "Message Flow".
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.wire import messages as m
from server.wire import startup as s


class State(StrEnum):
    """Where a connection is in its life."""

    INITIAL = "initial"
    ENCRYPTION_ASKED = "encryption asked"
    ENCRYPTION_ASKED_AFTER_GSS = "encryption asked after GSS"
    TLS_REFUSED = "TLS refused"
    GSS_REFUSED = "GSS refused"
    BOTH_REFUSED = "both refused"
    ENCRYPTED = "encrypted"
    AUTHENTICATING = "authenticating"
    STARTING = "starting"
    READY = "ready"
    SIMPLE = "simple query"
    EXTENDED = "extended query"
    SYNCING = "syncing"
    COPY_SIMPLE = "COPY in a simple query"
    COPY_EXTENDED = "COPY in an extended query"
    SKIPPING = "skipping until Sync"
    CLOSED = "closed"


class Happening(StrEnum):
    """What the server does that changes the state."""

    TLS_ACCEPTED = "TLS accepted"
    TLS_REFUSED = "TLS refused"
    AUTHENTICATED = "authenticated"
    COPY_STARTED = "COPY started"
    FAILED = "failed"
    READY = "ready for query"
    CLOSED = "closed"


Trigger = type[m.FrontendMessage] | type[s.StartupMessage] | Happening


@dataclass(frozen=True, slots=True)
class Transition:
    """One edge; a message that is not delivered is read and dropped."""

    state: State
    trigger: Trigger
    next: State
    deliver: bool = True


S, H = State, Happening
_EXTENDED_MESSAGES: Final = (m.Parse, m.Bind, m.Describe, m.Execute, m.Close, m.Flush)
_COPY_MESSAGES: Final = (m.CopyData, m.CopyDone, m.CopyFail)
_BEFORE_STARTUP: Final = (S.INITIAL, S.TLS_REFUSED, S.GSS_REFUSED, S.BOTH_REFUSED, S.ENCRYPTED)

TRANSITIONS: Final = (
    # Each kind of encryption may be asked for once; a third ask is taken for a wrong protocol version.
    Transition(S.INITIAL, s.TlsRequest, S.ENCRYPTION_ASKED),
    Transition(S.INITIAL, s.GssRequest, S.GSS_REFUSED),
    Transition(S.TLS_REFUSED, s.GssRequest, S.BOTH_REFUSED),
    Transition(S.GSS_REFUSED, s.TlsRequest, S.ENCRYPTION_ASKED_AFTER_GSS),
    Transition(S.INITIAL, H.TLS_ACCEPTED, S.ENCRYPTED),
    Transition(S.ENCRYPTION_ASKED, H.TLS_ACCEPTED, S.ENCRYPTED),
    Transition(S.ENCRYPTION_ASKED, H.TLS_REFUSED, S.TLS_REFUSED),
    Transition(S.ENCRYPTION_ASKED_AFTER_GSS, H.TLS_ACCEPTED, S.ENCRYPTED),
    Transition(S.ENCRYPTION_ASKED_AFTER_GSS, H.TLS_REFUSED, S.BOTH_REFUSED),
    *(Transition(state, s.Startup, S.AUTHENTICATING) for state in _BEFORE_STARTUP),
    *(Transition(state, s.CancelRequest, S.CLOSED) for state in _BEFORE_STARTUP),
    Transition(S.AUTHENTICATING, m.AuthenticationResponse, S.AUTHENTICATING),
    Transition(S.AUTHENTICATING, m.Terminate, S.CLOSED),
    Transition(S.AUTHENTICATING, H.AUTHENTICATED, S.STARTING),
    Transition(S.STARTING, H.READY, S.READY),
    # Between statements.
    Transition(S.READY, m.Query, S.SIMPLE),
    Transition(S.READY, m.FunctionCall, S.SIMPLE),
    *(Transition(S.READY, message, S.EXTENDED) for message in _EXTENDED_MESSAGES),
    Transition(S.READY, m.Sync, S.SYNCING),
    Transition(S.READY, m.Terminate, S.CLOSED),
    # What a client still sends after its COPY has failed.
    *(Transition(S.READY, message, S.READY, deliver=False) for message in _COPY_MESSAGES),
    # A simple query is answered before the next message is looked at.
    Transition(S.SIMPLE, H.COPY_STARTED, S.COPY_SIMPLE),
    Transition(S.SIMPLE, H.FAILED, S.SIMPLE),
    Transition(S.SIMPLE, H.READY, S.READY),
    # The extended protocol; a simple query may end a batch in the place of Sync.
    *(Transition(S.EXTENDED, message, S.EXTENDED) for message in _EXTENDED_MESSAGES),
    *(Transition(S.EXTENDED, message, S.EXTENDED, deliver=False) for message in _COPY_MESSAGES),
    Transition(S.EXTENDED, m.Query, S.SIMPLE),
    Transition(S.EXTENDED, m.FunctionCall, S.SIMPLE),
    Transition(S.EXTENDED, m.Sync, S.SYNCING),
    Transition(S.EXTENDED, m.Terminate, S.CLOSED),
    Transition(S.EXTENDED, H.COPY_STARTED, S.COPY_EXTENDED),
    Transition(S.EXTENDED, H.FAILED, S.SKIPPING),
    Transition(S.SYNCING, H.FAILED, S.SYNCING),
    Transition(S.SYNCING, H.READY, S.READY),
    # COPY FROM STDIN; libpq sends Flush and Sync without noticing that it has started COPY.
    *(
        transition
        for copying, back, failed in (
            (S.COPY_SIMPLE, S.SIMPLE, S.SIMPLE),
            (S.COPY_EXTENDED, S.EXTENDED, S.SKIPPING),
        )
        for transition in (
            Transition(copying, m.CopyData, copying),
            Transition(copying, m.CopyDone, back),
            Transition(copying, m.CopyFail, back),
            Transition(copying, m.Flush, copying, deliver=False),
            Transition(copying, m.Sync, copying, deliver=False),
            Transition(copying, m.Terminate, S.CLOSED),
            Transition(copying, H.FAILED, failed),
        )
    ),
    # After an error everything up to Sync is dropped.
    *(
        Transition(S.SKIPPING, message, S.SKIPPING, deliver=False)
        for message in (*_EXTENDED_MESSAGES, *_COPY_MESSAGES, m.Query, m.FunctionCall)
    ),
    Transition(S.SKIPPING, m.Sync, S.SYNCING),
    Transition(S.SKIPPING, m.Terminate, S.CLOSED),
    *(Transition(state, H.CLOSED, S.CLOSED) for state in State),
)

BEFORE_STARTUP: Final = frozenset(_BEFORE_STARTUP)
TABLE: Final = {(row.state, row.trigger): row for row in TRANSITIONS}

"""The PostgreSQL wire protocol without a socket: bytes in, messages out, and answers as bytes.

``protocol`` is the door for what clients send: ``framing`` cuts, ``startup`` and ``messages`` read,
``state`` judges. ``replies``, ``diagnostics``, ``authentication``, ``copy`` and ``encode`` build what is
sent. Nothing here waits, sleeps or knows a session.
"""

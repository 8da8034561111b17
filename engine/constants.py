"""Values as they are written in engine SQL."""

from engine.cursors import Value


def constant(value: Value | tuple[str, ...]) -> str:
    """Return *value* as engine SQL; a tuple is a list."""
    if isinstance(value, tuple):
        return f"[{', '.join(constant(item) for item in value)}]"
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, bytes):
        return "'" + "".join(f"\\x{byte:02x}" for byte in value) + "'::BLOB"
    return "'" + value.replace("'", "''") + "'"

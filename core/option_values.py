"""One option's value: made of text, checked against its row of ``core.options``."""

from collections.abc import Callable, Mapping
from typing import Final, cast

from core.options import Kind, Option, Value


class ConfigError(Exception):
    """The configuration cannot be used; the message is one line for the person who starts the server."""


def from_text(option: Option, text: str, origin: str) -> Value:
    """Return the value that *text*, of a flag or variable, gives *option*; raises ``ConfigError``."""
    convert = _FROM_TEXT.get(option.kind)
    if convert is None:
        return checked(option, text, origin)
    try:
        return checked(option, convert(text), origin)
    except (ValueError, KeyError):
        raise ConfigError(f'{origin}: "{text}" is not {_EXPECTED[option.kind]}') from None


def checked(option: Option, value: object, origin: str) -> Value:
    """Return *value* where it is one that *option* may have; raises ``ConfigError``."""
    if option.kind is Kind.LIST and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if isinstance(value, bool) is not (option.kind is Kind.FLAG) or not isinstance(value, _TYPES[option.kind]):
        raise ConfigError(f"{origin} must be {_EXPECTED[option.kind]}")
    if option.kind is Kind.CHOICE and value not in option.choices:
        named = ", ".join(f'"{choice}"' for choice in option.choices)
        raise ConfigError(f'{origin} must be one of {named}, not "{value}"')
    if isinstance(value, int | float) and not isinstance(value, bool):
        _check_range(option, value, origin)
    return cast(Value, value)


def _check_range(option: Option, value: float, origin: str) -> None:
    if option.maximum is None and value < option.minimum:
        raise ConfigError(f"{origin} must be at least {option.minimum}")
    if option.maximum is not None and not option.minimum <= value <= option.maximum:
        raise ConfigError(f"{origin} must be between {option.minimum} and {option.maximum}")


_EXPECTED: Final = {
    Kind.TEXT: "text",
    Kind.SECRET: "text",
    Kind.INTEGER: "a whole number",
    Kind.SECONDS: "a number of seconds",
    Kind.FLAG: "true or false",
    Kind.CHOICE: "text",
    Kind.LIST: "a list of text",
}
_TYPES: Final[Mapping[Kind, tuple[type, ...]]] = {
    Kind.TEXT: (str,),
    Kind.SECRET: (str,),
    Kind.INTEGER: (int,),
    Kind.SECONDS: (int, float),
    Kind.FLAG: (bool,),
    Kind.CHOICE: (str,),
    Kind.LIST: (tuple,),
}
_FLAGS: Final = dict.fromkeys(("true", "on", "1", "yes"), True) | dict.fromkeys(("false", "off", "0", "no"), False)
_FROM_TEXT: Final[Mapping[Kind, Callable[[str], Value]]] = {
    Kind.INTEGER: int,
    Kind.SECONDS: float,
    Kind.FLAG: lambda text: _FLAGS[text.strip().lower()],
    Kind.LIST: lambda text: tuple(part for part in (part.strip() for part in text.split(",")) if part),
}

"""How settings are read of an environment: each service has a Struct of its own."""

from ipaddress import ip_address


class BadSetting(ValueError):
    """A setting that cannot be used; the text names its variable, not its value."""


def read_number(name: str, text: str | None, default: int, least: int, most: int) -> int:
    """The number that `ORDER_CHAT_NAME` says. Raises `BadSetting`."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise BadSetting(f"ORDER_CHAT_{name} must be a number from {least} to {most}")
    return int(text)


def read_switch(name: str, text: str | None, default: bool) -> bool:
    """Whether `ORDER_CHAT_NAME` is on. Raises `BadSetting`."""
    if text not in (None, "on", "off"):
        raise BadSetting(f"ORDER_CHAT_{name} must be on or off")
    return default if text is None else text == "on"


def read_choice(name: str, text: str | None, choices: tuple[str, ...]) -> str:
    """What `ORDER_CHAT_NAME` chooses, by default the first. Raises `BadSetting`."""
    if text is None:
        return choices[0]
    if text not in choices:
        raise BadSetting(f"ORDER_CHAT_{name} must be {' or '.join(choices)}")
    return text


def read_list(text: str | None) -> tuple[str, ...]:
    """The items of a comma list, in their order."""
    return tuple(item.strip() for item in (text or "").split(",") if item.strip())


def read_items(text: str | None) -> frozenset[str]:
    """The items of a comma list whose order says nothing."""
    return frozenset(read_list(text))


def read_addresses(name: str, text: str | None) -> frozenset[str]:
    """The IP addresses that `ORDER_CHAT_NAME` lists. Raises `BadSetting`."""
    try:
        return frozenset(str(ip_address(item)) for item in read_items(text))
    except ValueError:
        raise BadSetting(f"ORDER_CHAT_{name} must be IP addresses, divided by commas") from None

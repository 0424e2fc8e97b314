"""Schemas of Structs as documents show them."""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec


def components_of(
    types: Iterable[Any], ref_template: str = "#/$defs/{name}"
) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """The schema of each type, and of every Struct that they refer to by its name.

    msgspec takes a Struct's docstring as its description, with the indentation it has in the code.
    """
    heads, components = msgspec.json.schema_components(types, ref_template=ref_template)
    for component in components.values():
        if "description" in component:
            component["description"] = cleandoc(component["description"])
    return heads, components

"""What a JSON schema asks for, in words, and the schema of what stands inside of a value."""

from collections.abc import Iterator, Mapping
from typing import Any

from docsort.errors import listing

Schema = Mapping[str, Any]


def wanted(schema: Schema, root: Schema) -> str:
    """What a JSON schema asks for, in words: "a whole number of at least 1"."""
    schema = _resolved(schema, root)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(wanted(each, root) for each in schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        choices = schema.get("enum", [schema.get("const")])
        return ("one of " if len(choices) > 1 else "") + listing(map(str, choices), limit=30)
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return {"integer": "a whole number", "number": "a number"}[kind] + _range(schema)
    if kind == "string":
        like = str(schema.get("description") or schema.get("pattern"))
        return like if "pattern" in schema else "text that is not empty" if schema.get("minLength") else "text"
    if kind == "array":
        return _wanted_of_list(schema, root)
    if kind == "object":
        each = schema.get("additionalProperties")
        return f"names, each with {wanted(each, root)}" if isinstance(each, dict) else "a group of parameters"
    return {"boolean": "true or false", "null": "null"}.get(str(kind), "a value")


def _wanted_of_list(schema: Schema, root: Schema) -> str:
    fixed = schema.get("prefixItems")
    if fixed:
        return f"a list of {len(fixed)}: {', '.join(wanted(each, root) for each in fixed)}"
    least = f" (at least {schema['minItems']})" if schema.get("minItems") else ""
    return f"a list{least}, each {wanted(schema.get('items', {}), root)}"


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}" if high < 1e6 else f" from {low:g} to {high}"
    bounds = {"of at least": low, "above": above, "of at most": high, "below": below}
    return "".join(f" {'and ' * bool(n)}{word} {bound:g}" for n, (word, bound) in enumerate(_given(bounds)))


def _given(bounds: Mapping[str, float | None]) -> list[tuple[str, float]]:
    return [(word, bound) for word, bound in bounds.items() if bound is not None]


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def arms(schema: Schema, root: Schema) -> Iterator[Schema]:
    """What a value may be: the schema, or those of a union."""
    schema = _resolved(schema, root)
    for each in schema.get("anyOf", ()):
        yield from arms(each, root)
    if "anyOf" not in schema:
        yield schema


def properties(schema: Schema, root: Schema) -> list[str]:
    return [name for arm in arms(schema, root) for name in arm.get("properties", ())]


def inner(schema: Schema, part: Any, root: Schema) -> Schema:
    """The schema of what stands under a name, or at a place in a list."""
    found: list[Schema] = []
    for arm in arms(schema, root):
        if part in arm.get("properties", ()):
            found.append(arm["properties"][part])
        elif isinstance(part, int) and 0 <= part < len(arm.get("prefixItems", ())):
            found.append(arm["prefixItems"][part])
        elif isinstance(part, int) and isinstance(arm.get("items"), dict):
            found.append(arm["items"])
        elif isinstance(arm.get("additionalProperties"), dict):
            found.append(arm["additionalProperties"])
    return found[0] if len(found) == 1 else {"anyOf": found} if found else {}

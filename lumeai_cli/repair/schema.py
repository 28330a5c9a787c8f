"""Tells whether arguments fit a tool's JSON schema, at a cost that no schema or value can drive up.

The schema is the client's, or that of a server whose tools the client passes on; whatever it holds must neither fetch
anything nor cost noticeable time. So only a known part of the language counts: regular expressions and formats are
left out, a `$ref` leads nowhere but into the schema itself, and not too often. What is asked of the model's arguments
beyond that is for the tool to say. A schema that is broken asks for nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

MOST_REFERENCES = 2_000
"""`$ref`s followed for one value; a schema that refers to itself twice a level would double the work each time."""

DEEPEST = 40
"""`$ref`s within one another: more than any value's depth. Beyond it Python's own limit would be met, and met within a
library in Rust that panics then, which no `except Exception` catches (referencing, rpds-py 2026.9.1; measured 2026-11).
"""

_ONE = frozenset(
    ("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then", "unevaluatedProperties")
)
_MANY = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
_NAMED = frozenset(("$defs", "definitions", "dependentSchemas", "properties"))
_PLAIN = frozenset(
    (
        *("$ref", "const", "dependentRequired", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxContains"),
        *("maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength"),
        *("minProperties", "minimum", "multipleOf", "required", "type"),
    )
)


class _TooDearError(Exception):
    """The schema refers to itself without an end in sight."""


def fits(value: Any, schema: Mapping[str, Any] | None) -> bool:
    """Whether this value is what the schema asks for; true where there is none, or a broken one."""
    if not schema:
        return True
    from jsonschema import Draft202012Validator  # noqa: PLC0415 (half a start-up's time; few need it)
    from referencing import Registry  # noqa: PLC0415 (likewise)

    try:
        known = _known(schema)
        make = _counting() if "'$ref'" in repr(known) else Draft202012Validator
        return bool(make(known, registry=Registry()).is_valid(value))
    except _broken():
        return True


def _broken() -> tuple[type[Exception], ...]:
    """What the validator raises over a schema that is none."""
    from jsonschema.exceptions import UnknownType  # noqa: PLC0415 (as above)
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 (likewise)

    misused = TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError
    return (*misused, UnknownType, Unresolvable, _TooDearError)


def _counting() -> Callable[..., Any]:
    """A validator that follows only so many references; it takes twenty times as long to make as to use."""
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 (as above)

    follow = Draft202012Validator.VALIDATORS["$ref"]
    left, depth = MOST_REFERENCES, 0

    def counted(validator: Any, reference: Any, instance: Any, holder: Any) -> Iterator[Any]:
        nonlocal left, depth
        left -= 1
        if left < 0 or depth >= DEEPEST:
            raise _TooDearError
        depth += 1
        try:
            yield from follow(validator, reference, instance, holder) or ()
        finally:
            depth -= 1

    extend: Callable[..., Any] = validators.extend
    made: Callable[..., Any] = extend(Draft202012Validator, {"$ref": counted})
    return made


def types(schema: Any) -> frozenset[str]:
    """The JSON types that a schema names for its value, also as alternatives; empty if it leaves them open."""
    if not isinstance(schema, Mapping):
        return frozenset()
    named = schema.get("type")
    if isinstance(named, str):
        return frozenset((named,))
    if isinstance(named, list):
        return frozenset(name for name in named if isinstance(name, str))
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list):
            each = [types(item) for item in schema[key]]
            return frozenset().union(*each) if all(each) else frozenset()
    return frozenset()


def _known(schema: Any) -> Any:
    """The part of a schema that counts, as 2020-12 spells it."""
    if not isinstance(schema, Mapping):
        return schema
    known: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "items" and isinstance(value, list):
            known["prefixItems"] = [_known(item) for item in value]  # as drafts before 2020 have it
        elif key in _ONE:
            known[key] = _known(value)
        elif key in _MANY:
            known[key] = [_known(item) for item in value]
        elif key in _NAMED:
            known[key] = {name: _known(item) for name, item in value.items()}
        elif key in _PLAIN and not (key.startswith("exclusive") and isinstance(value, bool)):
            known[key] = value
    if "patternProperties" in schema:
        known.pop("additionalProperties", None)  # means the names that no pattern has
        known.pop("unevaluatedProperties", None)
    return known

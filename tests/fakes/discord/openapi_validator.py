"""Discord's own OpenAPI file as the judge of what is asked and answered, where that file lies at hand.

It is `specs/openapi_preview.json` of https://github.com/discord/discord-api-spec (MIT), too large to keep a copy here.
"""

import functools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

FILE = Path(__file__).parents[4] / "shared" / "reference" / "discord-openapi.json"
"""Beside the checkout, so that all checkouts of a machine share it."""

MISSING = (
    "Discord's OpenAPI file is not at hand: openapi_preview.json of github.com/discord/discord-api-spec, as "
    f"../{FILE.relative_to(Path(__file__).parents[4])}"
)
JSON = ("content", "application/json", "schema")


class OpenapiValidator:
    """Judges bodies of one route; a complaint is one line of text, no complaint is an empty string."""

    def __init__(self, spec: dict[str, Any]) -> None:
        from jsonschema_rs import Draft202012, Registry  # here, so that processes without the file do not load it

        # Inside `errors` Discord names the trouble in words ("REPLIES_UNKNOWN_MESSAGE"), the file wants numbers.
        spec["components"]["schemas"]["Error"]["properties"]["code"]["type"] = ["integer", "string"]
        # The file wants ids as strings; Discord takes numbers too, and discord.py sends some.
        schemas = spec["components"]["schemas"] | {"SnowflakeType": {"type": ["string", "integer"]}}
        tolerant = spec | {"components": spec["components"] | {"schemas": schemas}}
        self._spec = spec
        self._registry = Registry([("spec:/request", tolerant), ("spec:/response", spec)], draft=Draft202012)
        self._judge = functools.cache(self._make_judge)

    def request(self, method: str, route: str, body: Any) -> str:
        if "requestBody" not in self._spec["paths"][route][method.lower()]:
            return "" if body is None else f"{method} {route} takes no body"
        return self._complaint(
            f"{method} {route}", "request", ("paths", route, method.lower(), "requestBody", *JSON), body
        )

    def answer(self, method: str, route: str, status: int, body: Any) -> str:
        known = self._spec["paths"][route][method.lower()]["responses"]
        key = str(status) if str(status) in known else f"{status // 100}XX"
        if key not in known:
            return f"{method} {route} never answers {status}"
        where = ("paths", route, method.lower(), "responses", key)
        if "$ref" in known[key]:
            where = tuple(known[key]["$ref"].removeprefix("#/").split("/"))
        if status == 204:
            return "" if body is None else f"{method} {route} answers 204 with a body"
        some = body[:10] if isinstance(body, list) else body  # a page of 100 messages takes a second
        return self._complaint(f"{method} {route} → {status}", "response", (*where, *JSON), some)

    def _complaint(self, what: str, side: str, where: tuple[str, ...], body: Any) -> str:
        worst = max(_leaves(self._judge(side, where).iter_errors(body)), key=_depth, default=None)
        return f"{what}: {'.'.join(map(str, worst.instance_path))}: {worst.message[:400]}" if worst else ""

    def _make_judge(self, side: str, where: tuple[str, ...]) -> "Draft202012Validator":
        from jsonschema_rs import Draft202012Validator

        pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in where)
        return Draft202012Validator({"$ref": f"spec:/{side}#/{quote(pointer, safe='/~')}"}, registry=self._registry)


def _leaves(errors: "Iterable[ValidationError]") -> "Iterator[ValidationError]":
    """The errors, with those of every alternative in place of "under none of the alternatives"."""
    for error in errors:
        alternatives = getattr(error.kind, "context", ())
        yield from (leaf for each in alternatives for leaf in _leaves(each))
        if not alternatives:
            yield error


def _depth(error: "ValidationError") -> int:
    """How far into the body an error is: the deepest belongs to the alternative that was meant."""
    return len(error.instance_path)


@functools.cache
def openapi_validator() -> OpenapiValidator | None:
    # One fitting alternative is enough: looking that no other fits too takes twice the time.
    return OpenapiValidator(json.loads(FILE.read_bytes().replace(b'"oneOf"', b'"anyOf"'))) if FILE.exists() else None

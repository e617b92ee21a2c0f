"""Discord's own OpenAPI file as the judge of what is asked and answered, where that file lies at hand.

It is `specs/openapi_preview.json` of https://github.com/discord/discord-api-spec (MIT), too large to keep a copy here.
"""

import copy
import functools
import json
from pathlib import Path
from typing import Any

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
        from referencing import Registry  # here, so that the suite runs without the file and what reads it
        from referencing.jsonschema import DRAFT202012

        # Inside `errors` Discord names the trouble in words ("REPLIES_UNKNOWN_MESSAGE"), the file wants numbers.
        spec["components"]["schemas"]["Error"]["properties"]["code"]["type"] = ["integer", "string"]
        tolerant = copy.deepcopy(spec)
        # The file wants ids as strings; Discord takes numbers too, and discord.py sends some.
        tolerant["components"]["schemas"]["SnowflakeType"] = {"type": ["string", "integer"]}
        self._spec = spec
        self._registry = Registry().with_resources(
            [("request:", DRAFT202012.create_resource(tolerant)), ("response:", DRAFT202012.create_resource(spec))]
        )
        self._judge = functools.cache(self._make_judge)

    def request(self, method: str, route: str, body: Any) -> str:
        if "requestBody" not in self._spec["paths"][route][method.lower()]:
            return "" if body is None else f"{method} {route} takes no body"
        return self._complaint(
            f"{method} {route}", "request:", ("paths", route, method.lower(), "requestBody", *JSON), body
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
        return self._complaint(f"{method} {route} → {status}", "response:", (*where, *JSON), some)

    def _complaint(self, what: str, side: str, where: tuple[str, ...], body: Any) -> str:
        from jsonschema.exceptions import best_match  # type: ignore[import-untyped]  # carries no types

        worst = best_match(self._judge(side, where).iter_errors(body))
        return f"{what}: {worst.json_path}: {worst.message[:400]}" if worst else ""

    def _make_judge(self, side: str, where: tuple[str, ...]) -> Any:
        from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # carries no types

        pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in where)
        return Draft202012Validator({"$ref": f"{side}#/{pointer}"}, registry=self._registry)


@functools.cache
def openapi_validator() -> OpenapiValidator | None:
    # One fitting alternative is enough: looking that no other fits too takes twice the time.
    return OpenapiValidator(json.loads(FILE.read_bytes().replace(b'"oneOf"', b'"anyOf"'))) if FILE.exists() else None

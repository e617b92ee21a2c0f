"""The one header that authorizes a request: servers of the protocol disagree about it.

novicezk's and its ports read `mj-api-secret`. trueai reads `Authorization` first, as it is, so that a client which
sends both headers, or a bearer token, is locked out. Relays read a bearer token.
"""

from enum import StrEnum


class Auth(StrEnum):
    """The values of MJ_PROXY_AUTH."""

    SECRET_HEADER = "mj-api-secret"  # noqa: S105 -- the name of a header
    AUTHORIZATION = "authorization"
    BEARER = "bearer"


def headers_for(auth: Auth, secret: str) -> dict[str, str]:
    """Return the header with this secret; none where a server wants none."""
    if not secret:
        return {}
    match auth:
        case Auth.SECRET_HEADER:
            return {"mj-api-secret": secret}
        case Auth.AUTHORIZATION:
            return {"Authorization": secret}
        case Auth.BEARER:
            return {"Authorization": f"Bearer {secret}"}

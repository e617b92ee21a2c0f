"""Guards against server-side request forgery: strict URL parsing, and a socket factory for public addresses only.

URLs of pictures come from untrusted JSON. A listed name may resolve to any address, and a literal address is never
resolved; so the text of the URL and the address that is connected to are checked separately.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable

from aiohttp.connector import AddrInfoType
from yarl import URL

from bot.images.errors import NotAllowed

LONGEST_URL = 2048  # characters; `bot.providers.useapi` keeps no longer ones

_UNSAFE = re.compile(r"[^!-~]|\\")  # space, control, not ASCII; and the backslash, which some parsers read as a slash
_ENTRY = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?/?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        # Global for some versions of Python, but never a picture host: IETF protocols and Oracle's metadata service,
        # 6to4 relays, Azure's metadata service, site-local.
        ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10"),
    )
)


class NotPublic(OSError):
    """The address is not public."""


def public_socket(info: AddrInfoType) -> socket.socket:
    """Socket factory for aiohttp that rejects addresses that are not public (SSRF guard); raises `NotPublic`.

    aiohttp calls it with every address it connects to, literal or resolved.
    """
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise NotPublic
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Whether a literal IP address is public; an IPv4 address embedded in an IPv6 one is checked as well."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            embedded = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if embedded is not None:
            return is_public(str(embedded))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or any(ip in network for network in _NOT_PUBLIC))


def origin(entry: str) -> str:
    """Return scheme, host and port of a listed origin in canonical form; raises `ValueError`."""
    if not _ENTRY.fullmatch(entry.lower()):
        raise ValueError(f"{entry!r} is neither a host nor an origin such as https://cdn.example.org")
    return str(URL(entry).origin())


def on_allow_list(url: str, hosts: Iterable[str]) -> bool:
    """Whether the origin of `url` is on the allow-list, as far as its text shows: no name is resolved.

    An entry of `hosts` is a bare host, for https, or a whole origin; a malformed one raises `ValueError`.
    """
    try:
        address = str(parse(url).origin())
    except NotAllowed:
        return False
    return address in {origin(entry if "://" in entry else f"https://{entry}") for entry in hosts}


def parse(text: str, *, base: URL | None = None) -> URL:
    """Parse a URL, once for the check and for the connection; `base` is the URL that redirected to it.

    Raises `NotAllowed` for what is malformed, relative, not HTTP or carries a user name.
    """
    if len(text) > LONGEST_URL or _UNSAFE.search(text):
        raise NotAllowed
    try:
        address = URL(text) if base is None else base.join(URL(text))
    except ValueError:
        raise NotAllowed from None
    if address.scheme not in ("http", "https") or not address.absolute or "@" in address.raw_authority:
        raise NotAllowed
    return address

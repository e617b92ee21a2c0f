"""Which addresses a picture may come from: a list of hosts, and behind it a socket that refuses what is not public.

The addresses come from a stranger's JSON. A name may point anywhere, and a resolver is not asked about literal
addresses; so the text and the address that is connected to are judged each for itself.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable

from aiohttp.connector import AddrInfoType
from yarl import URL

from bot.images.errors import NotAllowed

LONGEST_URL = 2048  # as `bot.providers.useapi` keeps them

_ODD = re.compile(r"[^!-~]|\\")  # space, control, not ASCII; and the backslash, which some read as a slash
_ENTRY = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?/?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_CLOSED = tuple(
    map(
        ipaddress.ip_network,
        # Called global by some of Python's tables, and yet no place for pictures: protocol use and Oracle's metadata,
        # old 6to4 relays, Azure's metadata, site-local.
        ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10"),
    )
)


class NotPublic(OSError):
    """The name led to an address inside some network."""


def public_socket(info: AddrInfoType) -> socket.socket:
    """The last wall: aiohttp asks here for the socket to each address, literal or looked up; raises `NotPublic`."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise NotPublic
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Whether a literal IP address is one of the open internet; an IPv4 address inside an IPv6 one counts too."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or any(ip in network for network in _CLOSED))


def origin(entry: str) -> str:
    """Scheme, host and port of a listed origin, in the one form that is compared; raises `ValueError`."""
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


def parse(text: str, *, seen_at: URL | None = None) -> URL:
    """The one reading of an address, for the check and for the connection alike; raises `NotAllowed`.

    `seen_at` is where a redirect stood.
    """
    if len(text) > LONGEST_URL or _ODD.search(text):
        raise NotAllowed
    try:
        address = URL(text) if seen_at is None else seen_at.join(URL(text))
    except ValueError:
        raise NotAllowed from None
    if address.scheme not in ("http", "https") or not address.absolute or "@" in address.raw_authority:
        raise NotAllowed
    return address

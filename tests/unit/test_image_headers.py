"""Type and size by a picture's headers, and what a picture's URL reveals."""

import io
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.images import VIDEO, ImageClient, link_ends, names_the_payer
from bot.images.sniffing import Measures, measure, sniff_type
from tests import sample_pictures as samples
from tests.table import table

TABLE = b"\xff\xc4\0\x0b" + bytes([0, 99] * 4 + [0])


def animated_png() -> bytes:
    return samples.saved(samples.painted(9, 7), "PNG", save_all=True, append_images=[samples.painted(9, 7, noise=50)])


def gif_that_plays_once(**options: Any) -> bytes:
    first, *others = (samples.painted(30, 20).rotate(turn) for turn in (0, 90, 180))
    return samples.saved(first, "GIF", save_all=True, append_images=others, **options)


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    return samples.saved(samples.painted(70, 40).convert(mode), "JPEG", **options)


def with_profile(png: bytes) -> bytes:
    """With 200 KB of a profile behind its header."""
    profile = struct.pack(">I", 200_000) + b"iCCP" + bytes(200_004)
    return png[:33] + profile + png[33:]


@table(
    ("make", "seen"),
    [
        (lambda: samples.webp(2048, 2048), ("webp", 2048, 2048, False)),
        (lambda: samples.webp(2688, 1792), ("webp", 2688, 1792, False)),
        (lambda: samples.saved(samples.painted(30, 50), "WEBP", lossless=True), ("webp", 30, 50, False)),
        (lambda: samples.saved(samples.painted(30, 50).convert("LA"), "WEBP"), ("webp", 30, 50, False)),
        (lambda: samples.moving_webp(size=200_000), ("webp", 624, 624, True)),
        (lambda: samples.png(1024, 1024), ("png", 1024, 1024, False)),
        (lambda: samples.png(1, 1), ("png", 1, 1, False)),
        (animated_png, ("png", 9, 7, True)),
        (lambda: samples.gif(300, 200), ("gif", 300, 200, False)),
        (lambda: samples.gif(300, 200, frames=3), ("gif", 300, 200, True)),
        (lambda: samples.gif(30, 20)[:-1] + b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0;", ("gif", 30, 20, False)),
        (lambda: gif_that_plays_once(), ("gif", 30, 20, True)),
        (lambda: gif_that_plays_once(comment=b"x" * 200_000), ("gif", 30, 20, True)),
        (lambda: with_profile(samples.png(9, 7)), ("png", 9, 7, False)),
        (lambda: with_profile(animated_png()), ("png", 9, 7, True)),
        (lambda: samples.photograph(400, 300), ("jpg", 400, 300, False)),
        (lambda: jpeg(progressive=True), ("jpg", 70, 40, False)),
        (lambda: jpeg(icc_profile=bytes(557_168)), ("jpg", 70, 40, False)),
        (
            lambda: jpeg(exif=b"Exif\0\0" + bytes(60_000), xmp=bytes(60_000), icc_profile=bytes(20_000)),
            ("jpg", 70, 40, False),
        ),
        (lambda: jpeg()[:2] + b"\xff" * 9 + jpeg()[2:], ("jpg", 70, 40, False)),
        (lambda: b"\xff\xd8" + TABLE + samples.photograph(70, 40)[2:], ("jpg", 70, 40, False)),
        (lambda: samples.FILM, ("mp4", 0, 0, False)),
        (lambda: jpeg("CMYK"), ("jpg", 70, 40, False, True)),
        (lambda: jpeg("CMYK", icc_profile=bytes(557_168)), ("jpg", 70, 40, False, True)),
    ],
)  # fmt: skip
def test_the_headers_give_type_size_and_whether_it_is_animated(
    make: Callable[[], bytes], seen: tuple[Any, ...]
) -> None:
    data = make()
    content_type, extension = sniff_type(data)
    kind, *measures = seen
    assert (extension, measure(io.BytesIO(data), extension)) == (kind, Measures(*measures))
    assert content_type == (VIDEO if extension == "mp4" else f"image/{extension}".replace("jpg", "jpeg"))


STARTS = [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\0\0", b"RIFF0000WEBPVP8X", b"GIF89a"]


@given(st.sampled_from([*STARTS, b"RIFF0000WEBPVP8L", b"RIFF0000WEBPVP8 "]), st.binary(max_size=60))
def test_junk_after_a_valid_signature_raises_nothing(start: bytes, junk: bytes) -> None:
    extension = sniff_type(start.ljust(12, b"\0"))[1]
    measures = measure(io.BytesIO(start + junk), extension)
    assert min(measures.width, measures.height) >= 0


@table(
    ("url", "ends"),
    [
        (
            "https://cdn.discordapp.com/attachments/1/2/a.webp?ex=6a200354&is=6a1eb1d4&hm=00&",
            datetime(2026, 6, 3, 10, 35, 0, tzinfo=UTC),
        ),
        ("https://cdn.discordapp.com/attachments/1/2/a.webp?ex=6a200354&is=6a1eb1d4", None),
        ("https://cdn.discordapp.com/attachments/1/2/a.webp?ex=6a2003541&hm=00", None),
        ("https://cdn.discordapp.com/attachments/1/2/a.webp?ex=-a200354&hm=00", None),
        ("https://cdn.discordapp.com/attachments/1/2/a.webp?ex=&hm=00", None),
        ("https://cdn.midjourney.com/1/0_0.jpeg", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_only_a_signed_link_says_when_it_expires(url: str, ends: datetime | None) -> None:
    assert link_ends(url) == ends


def test_midjourneys_own_host_identifies_the_payer_in_any_spelling() -> None:
    for url in ("https://cdn.midjourney.com/1/0_0.jpeg", "HTTPS://CDN.Midjourney.com:443/1", "https://["):
        assert names_the_payer(url)
    assert not names_the_payer("https://pictures.example/attachments/1/cdn.midjourney.com/a.webp")


@table(
    ("url", "is_one"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1&is=2&hm=3&", True),
        ("https://cdn.discordapp.com/ephemeral-attachments/1/2/a.png", True),
        ("http://127.0.0.1:9000/attachments/1/2/a.png", True),
        ("http://cdn.discordapp.com/attachments/1/2/a.png", False),
        ("https://cdn.discordapp.com/avatars/1/2.png", False),
        ("https://media.discordapp.net/attachments/1/2/a.png", False),
        ("https://cdn.midjourney.com/attachments/1/2/a.png", False),
        ("https://cdn.discordapp.com@x.example/attachments/1/2/a.png", False),
        ("https://cdn.discordapp.com.x.example/attachments/1/2/a.png", False),
        ("https://[", False),
    ],
)
def test_only_an_upload_on_a_listed_host_of_discords_is_an_attachment(url: str, is_one: bool) -> None:
    hosts = ("cdn.discordapp.com", "cdn.midjourney.com", "http://127.0.0.1:9000")
    assert ImageClient(hosts=hosts).is_attachment(url) is is_one

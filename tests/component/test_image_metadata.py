"""What a picture's file says of the payer is erased; its pixels, its size and which way up it is stay."""

import io
import struct
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from bot.images.metadata import erase
from tests import sample_pictures
from tests.table import table

PAYER = "ann.the-payer"
JOB = "Job ID: 7a1c2f0e-5e0f-4a8e-9a52-1f7be2ad0c11"

ORIENTATION = 0x0112


def png(turn: int = 1) -> bytes:
    texts = PngInfo()
    texts.add_text("Author", PAYER)
    texts.add_text("Description", f"a fox {JOB}", zip=False)
    texts.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{PAYER}</x:xmpmeta>")
    return sample_pictures.saved(picture(), "PNG", pnginfo=texts, exif=exif(turn))


def jpeg(turn: int = 1) -> bytes:
    return sample_pictures.saved(picture(), "JPEG", comment=JOB.encode(), exif=exif(turn), xmp=PAYER.encode())


def webp(turn: int = 1) -> bytes:
    return sample_pictures.saved(picture(), "WEBP", lossless=True, exif=exif(turn), xmp=f"{PAYER}!".encode())


def mp4() -> bytes:
    udta = box(b"udta", box(b"\xa9ART", PAYER.encode()))
    moov = box(b"moov", box(b"mvhd", bytes(100)) + box(b"trak", box(b"tkhd", bytes(80)) + udta) + udta)
    return box(b"ftyp", b"isom" + bytes(8)) + moov + box(b"uuid", JOB.encode()) + box(b"mdat", bytes(range(256)))


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def picture() -> Image.Image:
    return sample_pictures.painted(64, 48, noise=20)


def exif(turn: int) -> Image.Exif:
    found = Image.Exif()
    found[ORIENTATION] = turn
    found[315] = PAYER  # Artist
    found.get_ifd(0x8825)[1] = "N"  # the place
    return found


def erased(content: bytes, extension: str) -> bytes:
    file = io.BytesIO(content)
    erase(file, extension)
    return file.getvalue()


@table(("make", "extension"), [(png, "png"), (jpeg, "jpg"), (webp, "webp")])
def test_a_picture_loses_its_texts_and_keeps_its_pixels(make: Callable[[], bytes], extension: str) -> None:
    before = make()
    assert PAYER.encode() in before
    after = erased(before, extension)
    assert PAYER.encode() not in after
    assert b"Job ID" not in after
    assert len(after) == len(before)
    with Image.open(io.BytesIO(after)) as opened, Image.open(io.BytesIO(before)) as original:
        opened.load()
        assert opened.tobytes() == original.tobytes()
        assert dict(opened.getexif()) == {}
        assert not {"Author", "Description", "XML:com.adobe.xmp", "xmp"} & set(opened.info)
        assert not opened.info.get("comment", b"").strip(b"\0")
    assert erased(after, extension) == after


@table(("make", "extension"), [(png, "png"), (jpeg, "jpg"), (webp, "webp")])
def test_a_picture_that_lies_on_its_side_keeps_what_turns_it_and_nothing_else(
    make: Callable[[int], bytes], extension: str
) -> None:
    for turn in (1, 2, 3, 4, 5, 6, 7, 8, 9, 0):
        before = make(turn)
        after = erased(before, extension)
        assert PAYER.encode() not in after
        assert len(after) == len(before)
        with Image.open(io.BytesIO(after)) as opened, Image.open(io.BytesIO(before)) as original:
            opened.load()
            turned = {ORIENTATION: turn} if 1 < turn < 9 else {}
            assert (turn, dict(opened.getexif())) == (turn, turned)
            assert not opened.getexif().get_ifd(0x8825)
            upright, meant = (ImageOps.exif_transpose(each) for each in (opened, original))
            assert (upright.size, upright.tobytes()) == (meant.size, meant.tobytes())
        assert erased(after, extension) == after


def test_any_exif_is_read_and_only_a_sound_orientation_is_kept() -> None:
    tag = struct.pack("<HHIHH", ORIENTATION, 3, 1, 6, 0)
    whole = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + tag + bytes(4)
    for exif, kept in (
        (whole, {ORIENTATION: 6}),
        (whole[:14] + b"\xff\xff" + whole[16:], {ORIENTATION: 6}),  # more tags than there are
        (whole[:14] + b"\xff\xff" + bytes(65_000), {}),
        (whole[:10] + b"\xff" * 4 + whole[14:], {}),  # a directory behind the end
        (whole.replace(b"\x12\x01\3", b"\x12\x01\4"), {}),  # a number of another size
        (whole.replace(b"II*", b"II+"), {}),
        (whole[:20], {}),
    ):
        after = erased(sample_pictures.saved(picture(), "JPEG", exif=exif), "jpg")
        assert (exif[:40], dict(Image.open(io.BytesIO(after)).getexif())) == (exif[:40], kept)


def test_a_video_loses_its_texts_and_keeps_its_frames() -> None:
    before = mp4()
    after = erased(before, "mp4")
    assert PAYER.encode() not in after
    assert b"Job ID" not in after
    assert len(after) == len(before)
    assert after.index(b"mdat") == before.index(b"mdat")
    assert after.endswith(bytes(range(256)))
    assert b"mvhd" in after
    assert b"tkhd" in after


@settings(deadline=None)
@given(content=st.binary(max_size=300), extension=st.sampled_from(["png", "jpg", "webp", "mp4", "gif"]), data=st.data())
def test_no_content_is_an_error_or_changes_in_size(content: bytes, extension: str, data: st.DataObject) -> None:
    made = {"png": png, "jpg": jpeg, "webp": webp, "mp4": mp4}
    if extension in made and data.draw(st.booleans()):
        whole = made[extension]()
        cut = data.draw(st.integers(0, len(whole)))
        content = whole[:cut] + content
    assert len(erased(content, extension)) == len(content)

"""What the worker makes of pictures: fitted to a limit, split into four, as a thumbnail."""

import io
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms

from bot.images import ImageClient, NotAPicture, NotFour, Picture, PictureError, TooLarge, Unreadable
from bot.images.metadata import erase
from bot.images.sniffing import measure, sniff_type
from bot.images.worker import transform
from tests import sample_pictures as samples
from tests.conftest import only_long
from tests.sample_pictures import similar

LIMIT = 10 * 1024 * 1024  # Discord's


@pytest.fixture
async def pictures() -> AsyncIterator[ImageClient]:
    async with ImageClient(hosts=()) as pictures:
        yield pictures


def stored(folder: Path, data: bytes) -> Picture:
    """Write a picture as a fetch would have."""
    path = folder / f"picture-{len(list(folder.iterdir()))}"
    content_type, extension = sniff_type(data)
    file = io.BytesIO(data)
    erase(file, extension)
    path.write_bytes(file.getvalue())
    return Picture(
        path=path,
        content_type=content_type,
        extension=extension,
        size=len(data),
        **measure(file, extension)._asdict(),
    )


def decoded(picture: Picture) -> Image.Image:
    """Decode the file, and check what the `Picture` says about it."""
    image = samples.opened(picture.path.read_bytes())
    assert picture.size == picture.path.stat().st_size
    assert (picture.width, picture.height) == image.size
    assert picture.content_type == Image.MIME[image.format or ""]
    assert picture.extension == (image.format or "").lower().replace("jpeg", "jpg")
    return image


def identical(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() is None


async def shrunk(pictures: ImageClient, folder: Path, data: bytes, limit: int) -> Picture:
    fitted = await pictures.fit(stored(folder, data), limit=limit, into=folder)
    assert fitted.smaller
    assert fitted.picture.size <= limit
    return fitted.picture


# --- what fits, and what does not -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: samples.webp(512, 512), lambda: samples.png(512, 512),
        lambda: samples.moving_webp(64, 64, size=200_000), lambda: samples.FILM,
        lambda: samples.png(1, 1), lambda: samples.bomb(20_000, 20_000),
        lambda: samples.png(64, 64)[:200], lambda: b"\x89PNG\r\n\x1a\n" + bytes(400),
    ],
)  # fmt: skip
async def test_a_picture_that_fits_is_not_read(
    pictures: ImageClient, tmp_path: Path, make: Callable[[], bytes]
) -> None:
    data = make()
    picture = stored(tmp_path, data)
    fitted = await pictures.fit(picture, limit=len(data), into=tmp_path)
    assert fitted.picture is picture
    assert not fitted.smaller
    assert not fitted.still
    assert list(tmp_path.iterdir()) == [picture.path]


@only_long
async def test_a_large_upscale_stays_lossless_if_that_fits(pictures: ImageClient, tmp_path: Path) -> None:
    data = samples.png(1024, 1024, compress_level=0)
    picture = await shrunk(pictures, tmp_path, data, len(data) - 1)
    assert picture.extension == "webp"
    assert identical(decoded(picture), samples.painted(1024, 1024))


@only_long
async def test_the_largest_upscale_keeps_its_pixels_in_the_memory_of_a_worker(
    pictures: ImageClient, tmp_path: Path
) -> None:
    picture = await shrunk(pictures, tmp_path, samples.png(4096, 4096, compress_level=0), LIMIT)
    assert (picture.extension, picture.width, picture.height) == ("jpg", 4096, 4096)
    assert similar(decoded(picture), samples.painted(4096, 4096))


@only_long
async def test_a_large_animation_becomes_its_first_frame(pictures: ImageClient, tmp_path: Path) -> None:
    for data, limit in (
        (samples.moving_webp(300, 300, size=200_000), 100_000),
        (samples.gif(300, 200, frames=4), 4000),
    ):
        fitted = await pictures.fit(stored(tmp_path, data), limit=limit, into=tmp_path)
        assert fitted.smaller
        assert fitted.still
        assert not fitted.picture.animated
        still = decoded(fitted.picture)
        assert getattr(still, "n_frames", 1) == 1
        assert similar(still, samples.painted(*still.size))


async def test_a_photograph_is_rotated_upright_and_loses_its_metadata(pictures: ImageClient, tmp_path: Path) -> None:
    data = samples.photograph(400, 300)
    assert b"Mira" in data
    picture = await shrunk(pictures, tmp_path, data, len(data) - 1)
    upright = decoded(picture)
    assert upright.size == (300, 400)
    assert similar(upright, samples.painted(400, 300).rotate(-90, expand=True))
    assert not upright.info.keys() & {"exif", "icc_profile", "xmp", "comment"}
    assert b"Mira" not in picture.path.read_bytes()


@pytest.mark.parametrize(
    ("data", "error"),
    [(samples.FILM, TooLarge), (samples.bomb(20_000, 20_000), TooLarge), (samples.png(9, 9), Unreadable)],
)
async def test_a_video_and_a_bomb_are_too_large_without_a_worker(
    pictures: ImageClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, error: type[PictureError]
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python-here"))
    picture = stored(tmp_path, data)
    with pytest.raises(error):
        await pictures.fit(picture, limit=len(data) - 1, into=tmp_path)
    assert list(tmp_path.iterdir()) == [picture.path]


async def test_a_broken_picture_and_no_picture_are_different_errors_and_leave_no_file(
    pictures: ImageClient, tmp_path: Path
) -> None:
    for data, error in (
        (samples.png(300, 300, noise=50)[:60_000], Unreadable),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), NotAPicture),
    ):
        picture = stored(tmp_path, data)
        with pytest.raises(PictureError) as caught:
            await pictures.fit(picture, limit=50, into=tmp_path)
        assert type(caught.value) is error
        picture.path.unlink()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [
        samples.png(300, 300, noise=50)[:60_000], samples.png(64, 64)[:40], samples.moving_webp(size=200_000)[:150_000],
        samples.webp(300, 300, noise=50)[:9_000], samples.photograph(400, 300)[:-300], samples.gif(300, 200)[:-300],
        b"\x89PNG\r\n\x1a\n" + bytes(400), b"RIFF\0\0\0\0WEBPVP8 <html>", b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        samples.saved(samples.painted(64, 64), "BMP"), samples.saved(samples.painted(64, 64), "TIFF"),
    ],
)  # fmt: skip
def test_a_partial_picture_is_never_returned_and_only_four_formats_are_read(tmp_path: Path, data: bytes) -> None:
    with pytest.raises((OSError, ValueError, SyntaxError, EOFError)):
        open_picture(tmp_path, data)


# --- split, and preview ---------------------------------------------------------------------------------------------


async def test_a_grid_is_split_into_four_without_loss(pictures: ImageClient, tmp_path: Path) -> None:
    grid = stored(tmp_path, samples.webp(512, 512))
    whole = decoded(grid)
    four = await pictures.split(grid, limit_each=LIMIT, into=tmp_path)
    corners = [(0, 0), (256, 0), (0, 256), (256, 256)]
    for quarter, (left, top), colour in zip(four, corners, samples.COLOURS, strict=True):
        assert quarter.extension == "png"
        assert identical(decoded(quarter), whole.crop((left, top, left + 256, top + 256)))
        assert similar(decoded(quarter), Image.new("RGB", (256, 256), colour))


@only_long
async def test_four_pictures_that_are_too_large_all_lose_the_same_quality(
    pictures: ImageClient, tmp_path: Path
) -> None:
    grid = stored(tmp_path, samples.png(256, 256, noise=40))
    four = await pictures.split(grid, limit_each=12_000, into=tmp_path)
    assert {(decoded(quarter).size, quarter.extension) for quarter in four} == {((128, 128), "webp")}
    assert max(quarter.size for quarter in four) <= 12_000


def test_the_middle_line_of_an_odd_grid_belongs_to_the_right_and_the_lower_picture() -> None:
    image = samples.painted(40, 40, noise=60).crop((0, 0, 7, 5))
    opened = transform.Decoded(image=image, size=100, lossless=True, animated=False)
    one, two, three, four = (samples.opened(file.data) for file in transform.split(opened, LIMIT))
    assert [quarter.size for quarter in (one, two, three, four)] == [(3, 2), (4, 2), (3, 3), (4, 3)]
    again = Image.new("RGB", (7, 5))
    for quarter, corner in ((one, (0, 0)), (two, (3, 0)), (three, (0, 2)), (four, (3, 2))):
        again.paste(quarter, corner)
    assert identical(again, image)


@pytest.mark.parametrize(
    "data", [samples.FILM, samples.moving_webp(size=200_000), samples.png(1, 1), samples.gif(9, 9, frames=2)]
)
async def test_animations_and_pictures_one_pixel_wide_are_not_split(
    pictures: ImageClient, tmp_path: Path, data: bytes
) -> None:
    with pytest.raises(NotFour):
        await pictures.split(stored(tmp_path, data), limit_each=LIMIT, into=tmp_path)


async def test_a_preview_has_at_most_512_pixels_an_edge(pictures: ImageClient, tmp_path: Path) -> None:
    small = stored(tmp_path, samples.webp(512, 340))
    assert await pictures.thumbnail(small, into=tmp_path) is small
    large = await pictures.thumbnail(stored(tmp_path, samples.webp(1344, 896)), into=tmp_path)
    assert decoded(large).size == (512, 341)
    assert similar(decoded(large), samples.painted(512, 341))
    with pytest.raises(NotAPicture):
        await pictures.thumbnail(stored(tmp_path, samples.FILM), into=tmp_path)


# --- the best that fits ---------------------------------------------------------------------------------------------


def open_picture(tmp_path: Path, data: bytes) -> transform.Decoded:
    (tmp_path / "picture").write_bytes(data)
    return transform.open_picture(tmp_path / "picture", pixels=1_000_000)


def test_quality_is_reduced_first_then_pixels_and_never_more_than_needed(tmp_path: Path) -> None:
    data = samples.png(256, 256, noise=40)
    lossy = {
        quality: len(samples.saved(samples.opened(data), "WEBP", quality=quality, method=4))
        for quality in transform.QUALITIES
    }
    seen = []
    for limit in (len(data) - 1, *(lossy[quality] for quality in (95, 85, 70, 60)), lossy[60] - 1, 3_000, 300):
        file = transform.fit(open_picture(tmp_path, data), limit)
        assert len(file.data) <= limit
        seen.append((file.width, len(file.data)))
    assert seen[1:5] == [(256, lossy[quality]) for quality in (95, 85, 70, 60)]
    widths = [width for width, _ in seen]
    assert widths == sorted(widths, reverse=True)
    assert widths[5] > 200
    assert seen[0] != seen[1], "lossless is better than the best lossy one"
    with pytest.raises(transform.TooLarge):
        transform.fit(open_picture(tmp_path, data), 20)


def test_an_edge_too_long_for_webp_becomes_jpeg_on_white(tmp_path: Path) -> None:
    wide = Image.new("RGBA", (17_000, 8), (0, 0, 0, 0))
    data = samples.saved(wide, "PNG", compress_level=0)
    file = transform.fit(open_picture(tmp_path, data), 100_000)
    assert (file.extension, file.width, file.height) == ("jpg", 17_000, 8)
    assert samples.opened(file.data).getpixel((8_000, 4)) == (255, 255, 255)
    wider = transform.fit(open_picture(tmp_path, samples.png(70_000, 9)), 1_000_000)
    assert wider.width == 65_500


def test_one_pixel_with_large_metadata_becomes_one_pixel(tmp_path: Path) -> None:
    data = samples.saved(samples.painted(1, 1), "PNG", exif=b"Exif\0\0" + bytes(5000))
    file = transform.fit(open_picture(tmp_path, data), 4000)
    assert samples.opened(file.data).size == (1, 1)


def test_sixteen_bit_grey_and_wide_gamut_keep_their_colours(tmp_path: Path) -> None:
    grey = Image.linear_gradient("L")
    deep = grey.convert("I").point(lambda value: value * 257).convert("I;16")
    assert identical(open_picture(tmp_path, samples.saved(deep, "PNG")).image, grey)
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = swapped.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
    red = samples.saved(Image.new("RGB", (8, 8), (255, 0, 0)), "PNG", icc_profile=swapped)
    assert open_picture(tmp_path, red).image.getpixel((4, 4)) != (255, 0, 0)
    assert open_picture(tmp_path, red).image.info == {}, "some encoders would write it into the copy"
    broken = samples.saved(Image.new("RGB", (8, 8), (255, 0, 0)), "PNG", icc_profile=b"no profile")
    assert open_picture(tmp_path, broken).image.getpixel((4, 4)) == (255, 0, 0)


def test_a_bomb_is_refused_before_it_is_decoded_even_if_its_header_hides_its_size(tmp_path: Path) -> None:
    for edge, refused in ((1_001, transform.TooLarge), (20_000, Image.DecompressionBombError)):
        with pytest.raises(refused):
            open_picture(tmp_path, samples.bomb(edge, edge))


# --- grid -----------------------------------------------------------------------------------------------------------


async def test_four_pictures_are_joined_in_the_order_of_their_buttons(pictures: ImageClient, tmp_path: Path) -> None:
    whole = samples.painted(256, 192)
    boxes = [(0, 0, 128, 96), (128, 0, 256, 96), (0, 96, 128, 192), (128, 96, 256, 192)]
    four = [stored(tmp_path, samples.saved(whole.crop(box), "PNG")) for box in boxes]
    grid = await pictures.grid(four, into=tmp_path)
    assert grid.extension == "webp"
    assert decoded(grid).size == whole.size
    assert similar(decoded(grid), whole)
    assert decoded(grid).info.keys() <= {"loop", "background", "timestamp", "duration"}, "no metadata"


async def test_a_missing_picture_leaves_its_quarter_grey_and_another_aspect_ratio_is_centred(
    pictures: ImageClient, tmp_path: Path
) -> None:
    wide, tall = (samples.saved(Image.new("RGB", size, "red"), "PNG") for size in ((64, 32), (16, 32)))
    grid = decoded(await pictures.grid([None, stored(tmp_path, wide), stored(tmp_path, tall), None], into=tmp_path))
    assert grid.size == (128, 64)
    expected = Image.new("RGB", (128, 64), "gray")
    expected.paste("red", (64, 0, 128, 32))
    expected.paste("red", (24, 32, 40, 64))
    assert similar(grid, expected)


@only_long
def test_a_grid_of_large_pictures_has_at_most_six_million_pixels(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(samples.png(2912, 1632))
    grid = transform.grid([path, None, None, None], pixels=20 << 20)
    assert grid.format == "WEBP"
    assert 5_900_000 < grid.width * grid.height <= 6_000_000
    assert abs(grid.width / grid.height - 2912 / 1632) < 0.01


async def test_what_cannot_be_decoded_is_not_joined(pictures: ImageClient, tmp_path: Path) -> None:
    good = stored(tmp_path, samples.png(64, 64))
    for data, error in ((samples.FILM, NotAPicture), (samples.png(64, 64)[:90], Unreadable)):
        with pytest.raises(PictureError) as caught:
            await pictures.grid([good, good, stored(tmp_path, data), good], into=tmp_path)
        assert type(caught.value) is error
    assert not list(tmp_path.glob("made-*"))

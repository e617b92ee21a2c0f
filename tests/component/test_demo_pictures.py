import io

from PIL import Image, ImageChops, ImageStat

from bot.demo import pictures
from tests.table import table


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures' colours, 0 to 255."""
    changed = ImageChops.difference(one.convert("RGB"), other.convert("RGB").resize(one.size))
    return sum(ImageStat.Stat(changed).mean) / 3


def tiles(grid: Image.Image) -> list[Image.Image]:
    half = grid.width // 2
    return [grid.crop((x, y, x + half, y + half)) for y in (0, half) for x in (0, half)]


def test_a_picture_depends_on_its_prompt_and_seed_alone() -> None:
    first = pictures.grid("a castle in the fog", size=64, seed=1)
    pictures.grid.cache_clear()

    assert pictures.grid("a castle in the fog", size=64, seed=1) == first
    assert pictures.grid("a castle in the fog", size=64, seed=2) != first
    assert pictures.grid("a boat at sunset", size=64, seed=1) != first


def test_a_grid_has_four_different_pictures_of_one_palette() -> None:
    four = tiles(opened(pictures.grid("a boat at sunset", size=128, seed=3)))

    assert all(difference(four[0], other) > 2 for other in four[1:])
    other_prompt = opened(pictures.single("northern lights", 0, size=64, seed=3))
    assert max(difference(four[0], other) for other in four[1:]) < difference(four[0], other_prompt)


def test_a_single_is_its_picture_of_the_grid_and_no_other() -> None:
    four = tiles(opened(pictures.grid("a forest at dawn", size=128, seed=5)))
    singles = [opened(pictures.single("a forest at dawn", index, size=64, seed=5)) for index in range(4)]

    nearest = [min(range(4), key=lambda at: difference(four[at], single)) for single in singles]
    assert nearest == [0, 1, 2, 3]


def test_variations_keep_their_parents_composition() -> None:
    composition = pictures.composition(5, 2)
    parent = opened(pictures.single("dunes at dusk", 2, size=64, seed=5))
    varied = [opened(pictures.single("dunes at dusk", at, size=64, seed=99, like=composition)) for at in range(4)]
    unrelated = [opened(pictures.single("dunes at dusk", at, size=64, seed=99)) for at in range(4)]

    assert all(child.tobytes() != parent.tobytes() for child in varied)
    assert max(difference(parent, child) for child in varied) < min(difference(parent, child) for child in unrelated)


def test_a_preview_comes_nearer_to_the_picture_as_the_percentage_grows() -> None:
    grid = opened(pictures.grid("a winter night", size=256, seed=1))
    far, near = (
        difference(grid, opened(pictures.preview("a winter night", percent, size=256, seed=1))) for percent in (10, 90)
    )

    assert near < far


def test_formats_and_sizes_are_those_of_midjourney() -> None:
    grid = opened(pictures.grid("a lake --ar 3:2", size=96, seed=1))
    single = opened(pictures.single("a lake --ar 3:2", 0, size=48, seed=1))
    video = opened(pictures.moving("a lake --ar 2:3", size=48, seed=1))

    assert (grid.format, grid.size) == ("WEBP", (96, 64))
    assert (single.format, single.size) == ("PNG", (48, 32))
    assert (video.format, video.size) == ("WEBP", (32, 48))
    assert getattr(video, "n_frames", 1) > 4


@table("prompt", ["", "--ar 0:0", "--ar 999:1", "城 in the 霧", "aurora --ar 1:999", "@everyone `x` " * 300])
@table("size", [1, 33, 49])
def test_any_prompt_and_any_size_give_a_picture(prompt: str, size: int) -> None:
    assert opened(pictures.single(prompt, 0, size=size, seed=1)).size == pictures.dimensions(prompt, size)
    assert opened(pictures.grid(prompt, size=size, seed=1)).format == "WEBP"

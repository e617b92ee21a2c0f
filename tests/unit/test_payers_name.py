"""Words and addresses that hold the uuid of a Midjourney job, whose files begin with the payer's name."""

from hypothesis import given
from hypothesis import strategies as st

from bot.images import names_the_payer
from bot.text import names_job_file, without_job_files
from bot.ui.press.hidden_addresses import hide, leave_out, restore
from tests.table import table

UUID = "d0966d3a-a86f-414d-8a67-be65951ef751"
FILE = f"payername_a_cat_{UUID}.png"


@table(
    "name",
    [
        FILE,
        FILE.upper(),
        f"payername_a_cat_{UUID.replace('-', '')}.png",
        f"payername_a_cat_{UUID.replace('-', '%2D')}.png",
        f"payername_a_cat_{UUID.replace('-', '%252d')}.png",
        f"{UUID}_grid_0.webp",
        FILE[:-10],
    ],
)
def test_the_name_of_a_jobs_file_is_found_in_a_text(name: str) -> None:
    assert names_job_file(name)
    assert without_job_files(f"could not read {name}, sorry") == "could not read … sorry"
    assert names_the_payer(f"https://pictures.example/{name}")


@table("text", ["a cat --seed 12345678", "f" * 64, "3f2a9c1d-77 cats", "2026-11-29 12:00", "castle " * 700])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert without_job_files(text) == text


@table(
    ("url", "named"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/payername_a_cat.png", True),
        ("https://media.discordapp.net/ephemeral-attachments/1/2/x.png", True),
        ("https://images-ext-1.discordapp.net/external/x/https/pictures.example/a.png", False),
        ("https://notdiscordapp.com/attachments/1/2/x.png", False),
        ("https://relay.example/mj/image/1785744000123456", True),
        ("https://relay.example/mj-fast/mj/image/1785744000123456?sig=0a", True),
        ("https://relay.example/image/1785744000123456", False),
        ("https://pictures.example/grid_0.png?hm=" + "a" * 64, False),
    ],
)
def test_every_file_of_a_job_at_discord_and_every_address_with_a_job_id_names_the_payer(url: str, named: bool) -> None:
    assert names_the_payer(url) is named


def test_a_form_hides_addresses_that_name_the_payer_and_a_submit_puts_them_back() -> None:
    own, other = f"https://cdn.discordapp.com/attachments/1/2/{FILE}", "https://s.mj.run/abc"
    prompt = f"{own} {other} <{own}> a cat --sref {own} --v 7"
    assert hide(prompt) == f"<picture 1> {other} <picture 2> a cat --sref <picture 3> --v 7"
    assert restore(hide(prompt), prompt) == prompt
    assert restore("a dog <picture 3> <picture 4>", prompt) == f"a dog {own} <picture 4>"
    assert hide("a cat") == restore("a cat", prompt) == "a cat"


@table("glued", ["({own})", "a cat,{own}", "[cat]({own})", "https://log.example/?u={own}", "`{own}`", "x{own}y"])
def test_an_address_within_a_word_is_hidden_too_and_none_is_put_back_within_a_word(glued: str) -> None:
    own = "https://cdn.discordapp.com/attachments/1/2/payername_cat.png"
    prompt = f"{glued.format(own=own)} at night"
    assert "payername" not in hide(prompt) + leave_out(prompt)
    assert restore(hide(prompt), prompt) == prompt
    kept = "a cat with https://log.example/<picture 1>, x<picture 1>"
    assert restore(kept, f"{own} a cat") == kept, "the payer's address would be sent to another host"
    assert restore("<picture 1>::2, a dog", f"{own} a cat") == f"{own}::2, a dog"


@table(
    ("prompt", "left"),
    [
        ("{own} {other} <{own}> a cat --sref {own} --v 7", "{other} a cat --v 7"),
        ("a cat --sref {own} {other} --ar 3:2 --tile", "a cat --sref {other} --ar 3:2 --tile"),
        ("a cat near {own}, at night", "a cat near at night"),
        ("  a   cat --AR 3:2 ", "  a   cat --AR 3:2 "),
        ("{own}", ""),
    ],
)
def test_another_prompt_goes_without_addresses_that_name_the_payer(prompt: str, left: str) -> None:
    own, other = f"https://cdn.discordapp.com/attachments/1/2/{FILE}", "https://s.mj.run/abc"
    assert leave_out(prompt.format(own=own, other=other)) == left.format(other=other)


OWN = (
    "https://cdn.discordapp.com/attachments/1/2/payername_castle.png",
    "https://cdn.discordapp.com/attachments/1/2/payername--at--night.png?ex=1&is=2",
    f"https://cdn.midjourney.com/{UUID}/0_0.png",
    FILE,
)
OTHERS = ("https://s.mj.run/abc", "--sref", "--ar 3:2", "—v", "--", "a cat", "7", *",-<>(`", "```", "\u200b")
GLUED = st.lists(st.sampled_from(OWN) | st.sampled_from(OTHERS) | st.just(" "), max_size=12).map("".join)


@given(GLUED)
def test_nothing_of_an_address_is_left_whatever_is_typed_around_it(text: str) -> None:
    left = leave_out(text)
    assert hide(left) == left
    assert not any(part in left for part in ("payername", "night.png", UUID))


@table(
    ("prompt", "left"),
    [
        ("a castle --sref{own} --ar 3:2", "a castle --ar 3:2"),
        ("a castle --ar 3:2 --sref--{own}", "a castle --ar 3:2"),
        ("a castle --sref {other} --cref--{own} --v 7", "a castle --sref {other} --v 7"),
    ],
)
def test_an_address_that_is_typed_to_the_name_of_a_parameter_is_left_out(prompt: str, left: str) -> None:
    for own in OWN[:3]:
        assert leave_out(prompt.format(own=own, other=OTHERS[0])) == left.format(other=OTHERS[0])

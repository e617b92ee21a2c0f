"""Which of two versions is newer, and where a copy of Darkroom is from."""

from bot.models.release import Release
from bot.ops.releases import github_origin, repository_of, version_in
from bot.settings import some_settings
from tests.table import table

NEWER = [("0.3.0", "0.2.0"), ("0.2.10", "0.2.9"), ("1.0.0", "0.99.99")]


@table(("newer", "older"), NEWER)
def test_versions_are_compared_as_numbers(newer: str, older: str) -> None:
    assert Release(version=newer, page="").is_newer_than(older)
    assert not Release(version=older, page="").is_newer_than(newer)


@table("version", ["0.2.0", "0.3.0-rc1", "", "latest", "9.9", "١.٢.٣"])
def test_neither_the_same_version_nor_one_that_is_no_three_numbers_is_newer(version: str) -> None:
    assert not Release(version=version, page="").is_newer_than("0.2.0")


@table(
    ("page", "version"),
    [
        ("https://github.com/owner/name/releases/tag/v0.3.0", "0.3.0"),
        ("/owner/name/releases/tag/0.3.0?x=1", "0.3.0"),
        ("https://github.com/owner/name/releases/tag/v0.3.0-rc1", None),
        ("https://github.com/owner/name/releases/tag/v0.3.0<script>", None),
        ("https://github.com/owner/name/releases", None),
        ("", None),
    ],
)
def test_the_page_of_a_release_names_its_whole_version(page: str, version: str | None) -> None:
    assert version_in(page) == version


@table(
    "url",
    [
        "https://github.com/owner/na.me.git",
        "https://github.com/owner/na.me",
        "https://somebody:a-token@github.com/owner/na.me.git",
        "git@github.com:owner/na.me.git",
        "ssh://git@github.com/owner/na.me/",
    ],
)
def test_a_checkout_is_from_where_it_was_cloned_from(url: str) -> None:
    fork = '[remote "fork"]\n\turl = https://github.com/other/one\n'
    config = f'[core]\n\tbare = false\n{fork}[remote "origin"]\n\turl = {url}\n\tfetch = +refs\n'
    assert github_origin(config) == "https://github.com/owner/na.me"


@table(
    "config",
    [
        "",
        '[remote "origin"]\n\turl = /srv/git/darkroom\n',
        '[remote "origin"]\n\turl = https://github.com.example.org/owner/name\n',
        '[remote "origin"]\n\turl = https://notgithub.com/owner/name\n',
        '[remote "upstream"]\n\turl = https://github.com/owner/name\n',
    ],
)
def test_other_origins_are_not_known(config: str) -> None:
    assert github_origin(config) is None


def test_the_setting_turns_it_off_or_names_the_repository() -> None:
    assert repository_of("off") is None
    for address in ("https://example.com/owner/name", "https://example.com/owner/name/releases/"):
        setting = some_settings({"UPDATE_CHECK": address}, "UPDATE_CHECK")["update_check"]
        assert repository_of(setting) == "https://example.com/owner/name"

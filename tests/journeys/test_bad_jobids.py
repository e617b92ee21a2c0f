"""What people paste into /job that is no job id: a private sentence, nothing asked of useapi, nothing posted."""

import json

from tests.journeys.conftest import BotHarness

NO_ID = (
    "That isn't a job id. A job id looks like `job:20240909…-user:…-channel:…-bot:midjourney`; useapi.net returns it "
    "when a job is started."
)
UNKNOWN = "useapi.net has no job with this id. Is the id complete, and does it belong to this server's useapi account?"

STRANGE = "job:20240909000000000-user:1-channel:100000000000000000-bot:mj"
NONSENSE = {
    "nothing": "",
    "blanks": " \t\n ",
    "quotes around nothing": "``",
    "ten thousand letters": "j" * 10_000,
    "an id behind more than anybody reads": "j" * 5_000 + f" {STRANGE}",
    "an emoji": "🏰",
    "a family": "👨‍👩‍👧‍👦",
    "right to left": "\u202ejob:gpj.elif\u202c",
    "Arabic": "مرحبا",
    "control characters": "job:\x00\x07\x1b[31m",
    "a line break": "job\nid",
    "half of an emoji": "job:\ud83d",
    "SQL": "'; DROP TABLE jobs; --",
    "more SQL": '" OR "1"="1',
    "markdown": "**[click](https://evil.example)**",
    "a mention": "@everyone",
    "a member": "<@1234567890123456789>",
    "a path": "../../etc/passwd",
    "a template": "{{7*7}}${7*7}",
    "a format": "%s%n{0.__class__}",
    "an address without an id": "https://api.useapi.net/v2/jobs/?jobid=",
    "a broken address": "https://[::1/?jobid=x",
    "someone's home page": "https://example.com/?q=1",
    "an escaped line break": "https://api.useapi.net/v2/jobs/?jobid=%0d%0aHost:%20evil",
    "half of a JSON object": '{"jobid": "job:',
    "JSON of another shape": '{"jobid": ["job:1"]}',
    "JSON without an id": '{"code": 200}',
    "nested JSON": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "JSON that is a list": "[" * 10_000,
    "a number of many digits": '{"jobid": ' + "9" * 3_900 + "}",
    "an infinite number": '{"jobid": 1e999}',
}


async def test_what_is_no_job_id_gets_a_sentence_and_goes_nowhere(harness: BotHarness) -> None:
    for kind, nonsense in NONSENSE.items():
        answer = await harness.job(harness.newcomer(), nonsense)
        assert answer == NO_ID, kind
    assert not harness.useapi.requests, "there is nothing to ask useapi"
    assert not harness.posts()


async def test_an_id_that_nobody_knows_is_asked_for_once_and_not_kept(harness: BotHarness) -> None:
    texts = ("castle", "4K7Q", "--", "job:1", "x" * 200, STRANGE)
    for number, text in enumerate(texts, 1):
        assert await harness.job(harness.bo, text) == UNKNOWN, text
        assert len(harness.useapi.requests) == number, text
    await harness.wait(3600)
    assert len(harness.useapi.requests) == len(texts), "no subscription, no poll"
    assert not harness.posts()


async def test_an_id_is_found_in_the_text_around_it(harness: BotHarness) -> None:
    for around in (
        "  {}\n",
        "`{}`",
        "```\n{}\n```",
        "<{}>",
        "\u202e{}\u202c",
        "see {} please",
        "https://api.useapi.net/v2/jobs/?jobid={}",
        "https://api.useapi.net/v2/jobs/?x=1&jobid={}#top",
        '{{"code": 200, "jobid": "{}", "prompt": "@everyone"}}',
    ):
        jobid = harness.useapi.add_job()
        assert (await harness.job(harness.newcomer(), around.format(jobid))).startswith("Watching `#"), around
        assert harness.polls(jobid) == 1, around


async def test_the_same_id_in_two_disguises_is_one_subscription(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job()
    await harness.job(harness.mira, jobid)
    answer = await harness.job(harness.bo, json.dumps({"jobid": jobid}))
    assert answer.startswith("I'm already watching this [here](")
    assert len(harness.posts()) == 1
    assert harness.polls(jobid) == 1


async def test_whoever_tries_many_ids_is_asked_to_slow_down_and_useapi_is_spared(harness: BotHarness) -> None:
    for number in range(6):
        assert await harness.job(harness.bo, f"guess-{number}") == UNKNOWN
    answer = await harness.job(harness.bo, "guess-6")
    assert answer.startswith("Too fast. Try again in ")
    assert len(harness.useapi.requests) == 6
    assert await harness.job(harness.mira, "mine") == UNKNOWN, "one member's hurry is not another's"
    await harness.wait(61)
    assert await harness.job(harness.bo, "guess-7") == UNKNOWN


async def test_what_is_typed_for_autocomplete_is_only_a_filter(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a castle"))
    before = len(harness.useapi.requests)
    for text in ("", "castle", "'; DROP TABLE jobs; --", "🏰" * 50, "\x00", "\ud83d", "x" * 10_000, "#", "%", "_"):
        choices = await harness.mira.autocomplete(harness.channel, "job", "jobid", text)
        assert len(choices) == (text in ("", "castle", "#")), text
    assert len(harness.useapi.requests) == before, "autocomplete asks the store only"


async def test_a_key_of_another_server_is_not_known_here(harness: BotHarness) -> None:
    other = harness.env.create_guild("Elsewhere")
    channel = other.create_text_channel("general")
    eve = other.add_member(harness.env.create_user("Eve"))
    answer = await harness.job(harness.mira, harness.useapi.add_job())
    key = answer.split("`")[1]
    assert await harness.job(eve, key, channel) == f"No job in this server has the key `{key}`. Try its id instead."
    assert not harness.posts(channel)
    assert await eve.autocomplete(channel, "job", "jobid", "") == []
    assert (await harness.job(harness.bo, key.lower())).startswith("I'm already watching")

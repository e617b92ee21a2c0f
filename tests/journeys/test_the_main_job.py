"""`/job`, then the wait, then the picture."""

from tests.journeys.conftest import Stage, labels, words


async def test_a_running_job_is_watched_and_its_picture_posted_when_it_is_done(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt="a castle in the fog, ink wash --ar 3:2")
    answer = await stage.job(stage.mira, jobid)
    assert answer.startswith("Watching `#")
    (card,) = stage.posts()
    print(words(card), labels(card))
    for _ in range(5):
        await stage.wait(8)
        print([words(m) for m in stage.posts()], [labels(m) for m in stage.posts()])
    pass

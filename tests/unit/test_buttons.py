"""Whatever a job holds, the buttons under its post are what Discord takes."""

from hypothesis import given

from bot import buttons
from bot.jobs import Job, Status
from tests.strategies import jobs, labels

NONCE = "a1b2c3d4e5f6g7h8i9j0k1l2"


def of(job: Job) -> list[list[dict[str, object]]]:
    """The rows of a result's buttons, as they are sent."""
    view = buttons.result_view(NONCE, job)
    return [row["components"] for row in view.to_components()]


@given(jobs)
def test_every_result_keeps_discords_limits(job: Job) -> None:
    rows = of(job)
    assert len(rows) <= 5
    assert all(1 <= len(row) <= 5 for row in rows)
    sent = [button for row in rows for button in row]
    assert all(len(str(button.get("label", ""))) <= 80 for button in sent)
    assert all(button.get("label") or button.get("emoji") for button in sent)
    ids = [str(button["custom_id"]) for button in sent]
    assert len(set(ids)) == len(ids)
    assert all(len(custom_id) <= 100 for custom_id in ids)


@given(jobs)
def test_every_result_carries_its_deliverys_name_once_more(job: Job) -> None:
    ids = [str(button["custom_id"]) for row in of(job) for button in row]
    assert f"dr:m:{NONCE}" in ids, "the courier knows its own results again by it"


@given(labels)
def test_a_button_leads_to_the_label_that_it_shows(names: tuple[str, ...]) -> None:
    job = Job(jobid="job:1", status=Status.COMPLETED, buttons=names)
    for row in of(job):
        for button in row:
            if str(button["custom_id"]).startswith("dr:p:"):
                label = names[int(str(button["custom_id"]).rsplit(":", 1)[1])]
                assert label not in {"Vary (Region)", "Custom Zoom"}
                assert label.strip()


def test_only_a_completed_job_has_buttons_to_press() -> None:
    job = Job(jobid="job:1", status=Status.FAILED, buttons=("U1",))
    assert [[button["label"] for button in row] for row in of(job)] == [["⋯"]]


def test_a_declined_job_offers_the_reason() -> None:
    job = Job(jobid="job:1", status=Status.MODERATED)
    assert [[button["label"] for button in row] for row in of(job)] == [["Why?", "⋯"]]

"""What members submit, as the store takes it."""

from bot.models import CostTier, Destination, KnownJob, Person, SubmissionKind, SubmissionRequest


def button_press(
    parent: KnownJob,
    button: str,
    destination: Destination,
    person: Person,
    *,
    tier: CostTier = CostTier.VARY,
    interaction_id: int | None = None,
) -> SubmissionRequest:
    return SubmissionRequest(
        kind=SubmissionKind.BUTTON,
        tier=tier,
        destination=destination,
        person=person,
        parent_id=parent.id,
        button=button,
        interaction_id=interaction_id,
        interaction_token="" if interaction_id is None else "token",
    )


def prompt_submission(
    text: str,
    destination: Destination,
    person: Person,
    *,
    interaction_id: int | None = None,
    by_moderator: bool = False,
) -> SubmissionRequest:
    return SubmissionRequest(
        kind=SubmissionKind.IMAGINE,
        tier=CostTier.VARY,
        destination=destination,
        person=person,
        prompt=text,
        interaction_id=interaction_id,
        interaction_token="" if interaction_id is None else "token",
        by_moderator=by_moderator,
    )

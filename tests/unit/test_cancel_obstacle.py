"""Why a job can't be cancelled: one sentence for each obstacle."""

from typing import Any, cast

from bot.errors import ProviderAbsent
from bot.models import Job, ProviderName
from bot.providers.base import Cancellation, Capabilities, Provider
from bot.providers.registry import AbsentProvider, Providers
from bot.ui.posts.status_card import cancel_obstacle
from tests.table import table

PROXY, USEAPI = ProviderName.MIDJOURNEY_PROXY, ProviderName.USEAPI


def providers(name: ProviderName, **capabilities: Any) -> Providers:
    provider = AbsentProvider(name)
    provider.capabilities = Capabilities(**capabilities)
    return Providers(cast(Provider, provider))


@table(
    ("name", "button", "capabilities", "sentence"),
    [
        (USEAPI, "V1", {"cancel": Cancellation.WORKS, "picks_once": True}, None),
        (
            *(USEAPI, "U1", {"cancel": Cancellation.WORKS, "picks_once": True}),
            "U1 to U4 can't be cancelled: useapi.net would never accept that button again.",
        ),
        (PROXY, "V1", {"cancel": Cancellation.WORKS}, None),
        (
            *(PROXY, "U4", {"cancel": Cancellation.WORKS}),
            "U1 to U4 can't be cancelled: each is run once only, so that button would never work again.",
        ),
        (PROXY, "U1", {}, "This job can't be cancelled: midjourney-proxy doesn't offer that to this bot."),
        (
            *(PROXY, "V1", {"cancel": Cancellation.NO_ADMIN_TOKEN}),
            "This job can't be cancelled: midjourney-proxy wants its admin token for that, and this bot has none.",
        ),
        (
            *(PROXY, "V1", {"cancel": Cancellation.ADMIN_TOKEN_REFUSED}),
            "This job can't be cancelled: midjourney-proxy doesn't accept the admin token that this bot has.",
        ),
    ],
)
def test_each_obstacle_has_its_sentence(
    name: ProviderName, button: str, capabilities: dict[str, Any], sentence: str | None
) -> None:
    job = Job(jobid="1", provider=name, button=button)
    assert cancel_obstacle(job, providers(name, **capabilities)) == sentence


def test_a_provider_that_is_not_set_up_cancels_nothing() -> None:
    assert cancel_obstacle(Job(jobid="1", provider=PROXY), providers(USEAPI)) == ProviderAbsent.sentence(PROXY)

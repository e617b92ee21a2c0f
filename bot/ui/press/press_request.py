"""A press on its way to the line: what was pressed, whether this member may, and the answer that it was taken."""

from collections.abc import Awaitable, Callable

import discord
import msgspec

from bot import formatting
from bot.discord_codes import INTERACTION_NOT_ACKNOWLEDGED
from bot.errors import UserError
from bot.models import CostTier, Delivery, DeliveryKind, KnownJob, LimitExceeded, ServerSettings, Status
from bot.models.midjourney_buttons import button_for
from bot.ui import replies
from bot.ui.base import PersistentItem, is_requester
from bot.ui.interactions import bot_of, check_load, check_rights, destination_of, is_moderator, person_of
from bot.ui.permissions import role_is_gone
from bot.ui.press import press_rules
from bot.ui.press.press_rules import Presser

_ROLE_PATIENCE = 1.0  # seconds; Discord wants an answer within 3

Say = Callable[[str], Awaitable[object]]
"""How the presser is answered."""


class PressRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A press that this member may make: one of the buttons of a job that stands here."""

    delivery: Delivery
    parent: KnownJob
    button: str
    tier: CostTier
    settings: ServerSettings
    presser: Presser

    @property
    def name(self) -> str:
        """The button's label, as answers show it."""
        return formatting.plain(self.button, 100)


class PressesJob(PersistentItem):
    """Whatever presses one of a job's buttons: the button itself, its question, its form. All check everything."""

    index: int

    async def request(self, interaction: discord.Interaction) -> PressRequest:
        """What the custom_id claims, checked; raises `UserError` where this member may not, or not now."""
        delivery, parent = await self.resolve(interaction, DeliveryKind.RESULT)
        job = parent.job
        if self.index >= len(job.buttons) or job.status != Status.COMPLETED:
            raise UserError("This job has no such button any more.")
        button = job.buttons[self.index]
        known_button = button_for(button)
        if not known_button.offered:
            raise UserError("This job has no such button any more.")
        tier = known_button.tier
        settings = await bot_of(interaction).store.servers.settings(delivery.destination.guild_id)
        presser = await _presser(interaction, delivery)
        if not press_rules.may_press(tier, settings, presser):
            gone = tier is not CostTier.UPSCALE and await _press_role_is_gone(interaction, settings)
            raise UserError(press_rules.who_may(tier, settings, role_is_gone=gone))
        if settings.paused:
            raise UserError(press_rules.PAUSED)
        check_rights(interaction)
        await check_load(interaction)
        return PressRequest(
            delivery=delivery, parent=parent, button=button, tier=tier, settings=settings, presser=presser
        )

    async def take(
        self, interaction: discord.Interaction, request: PressRequest, *, prompt: str = "", say: Say | None = None
    ) -> None:
        """Queue the submission and answer its presser; `bot.ui.submission_replies` says what became of it."""
        presses = bot_of(interaction).submissions
        press = await presses.add(
            request.parent,
            request.button,
            request.delivery.destination,
            person_of(interaction),
            tier=request.tier,
            limits=press_rules.limits(request.settings, request.presser),
            prompt=prompt,
            answer=interaction.token,
        )
        if isinstance(press, LimitExceeded):
            raise UserError(press_rules.refusal(press, request.settings))
        try:
            on_it = f"On it: {request.name}."
            await (replies.say(interaction, on_it) if say is None else say(on_it))
        except discord.HTTPException as refusal:
            if refusal.code in INTERACTION_NOT_ACKNOWLEDGED:
                # Its presser saw it fail and presses again, or the other delivery of it was answered: never send both.
                await presses.cancel_queued(press)
            raise
        finally:
            presses.release(press)
        if interaction.permissions.manage_guild and await _press_role_is_gone(interaction, request.settings):
            await interaction.followup.send(press_rules.ROLE_IS_GONE, ephemeral=True)


async def _presser(interaction: discord.Interaction, delivery: Delivery) -> Presser:
    return Presser(
        moderator=is_moderator(interaction),
        requester=await is_requester(interaction, delivery),
        role_ids=frozenset(_role_ids(interaction)),
    )


def _role_ids(interaction: discord.Interaction) -> set[int]:
    """The member's roles, @everyone too, which has the server's id."""
    everyone = destination_of(interaction).guild_id
    # Member.roles knows those in the cache alone, and there is none; the ids came with the interaction.
    return {everyone, *(interaction.user._roles if isinstance(interaction.user, discord.Member) else ())}


async def _press_role_is_gone(interaction: discord.Interaction, settings: ServerSettings) -> bool:
    guild_id = destination_of(interaction).guild_id
    return await role_is_gone(interaction.client, guild_id, settings.press_role, patience=_ROLE_PATIENCE)

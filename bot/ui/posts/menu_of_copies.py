"""The menu of a result, opened from the posts that show its pictures once more: a split, and a starboard post."""

import discord

from bot.errors import UserError
from bot.models import DeliveryKind
from bot.ui import replies
from bot.ui.interactions import bot_of, jump
from bot.ui.posts.result import MoreButton
from bot.ui.posts.result_menu import DeleteSplitButton
from bot.ui.posts.star import RemoveFromStarboardButton

_POSTS = 5  # in other channels, searched for one that the member can view


async def open_menu_of_copy(
    interaction: discord.Interaction, button: DeleteSplitButton | RemoveFromStarboardButton
) -> None:
    """Do what `⋯` of the result in this channel does; where there is none, link to one that the member can view.

    The menu's own rights are those in the channel of its result. Raises `UserError` where there is none to be viewed.
    """
    kind = DeliveryKind.SPLIT if isinstance(button, DeleteSplitButton) else DeliveryKind.STARBOARD_POST
    delivery, known = await button.resolve(interaction, kind)
    bot, here = bot_of(interaction), delivery.destination
    result = await bot.store.deliveries.post_of(known.id, here.channel_id)
    if result is not None and result.kind is DeliveryKind.RESULT:
        await MoreButton(result.nonce).act(interaction)
        return
    await interaction.response.defer(ephemeral=True)  # Discord is asked what the member can view
    posts = await bot.store.deliveries.posts_in_server(known.id, here.guild_id, _POSTS)
    visible = await bot.view_rights.of_member(interaction, {post.destination.channel_id for post in posts})
    for post in posts:
        if post.destination.channel_id in visible and post.message_id is not None:
            url = jump(post.destination, post.message_id)
            await replies.say(interaction, f"The menu of this picture is `⋯` below [its own post]({url}).")
            return
    if posts:
        raise UserError("This picture's own post is in a channel that you can't view.")
    raise UserError(f"This picture's own post was deleted. `/job #{known.key}` posts it again.")

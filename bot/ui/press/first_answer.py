"""The first answer to a presser: that their submission was taken, before anything is sent to the provider."""

import logging

import aiohttp
import discord

from bot import formatting
from bot.discord_codes import INTERACTION_NOT_ACKNOWLEDGED
from bot.errors import StoreUnavailable
from bot.models import Submission
from bot.request_count import counted_requests
from bot.submissions import SubmissionQueue
from bot.ui import replies

log = logging.getLogger(__name__)


async def answer_taken(
    interaction: discord.Interaction, queue: SubmissionQueue, submission: Submission, *, replace_question: bool
) -> bool:
    """Answer that a submission was taken; whether Discord confirmed the answer, and the store took that.

    Where it did not, nothing else is said, and `AnswerChecks` finds out later what the presser sees.
    `replace_question`: the interaction confirmed a private question, which the answer replaces, in one request: until
    Discord has taken it, the interaction has no answer. A deferred answer must be a message of its own.
    """
    try:
        return await _say_taken(interaction, queue, submission, replace_question=replace_question)
    except Exception:  # a bug; its answer must not be taken for that of a submission
        await queue.cancel_queued(submission)
        raise
    finally:
        queue.answer_ended(submission)


async def _say_taken(
    interaction: discord.Interaction, queue: SubmissionQueue, submission: Submission, *, replace_question: bool
) -> bool:
    text = formatting.taken(submission)
    deferred = interaction.response.is_done()
    try:
        with counted_requests(at_most=None) as requests:
            if deferred:
                await interaction.edit_original_response(content=text, embeds=[], view=None)
            elif replace_question:
                await interaction.response.edit_message(content=text, embeds=[], view=None)
            else:
                await replies.say(interaction, text)
        await queue.mark_answered(submission)
    except discord.HTTPException as refusal:
        log.info("The answer to a submission was refused (HTTP %d, code %d)", refusal.status, refusal.code)
        if refusal.code in INTERACTION_NOT_ACKNOWLEDGED and requests.number <= 1 and not deferred:
            # The presser saw it fail, or another process with the same token has answered and sends it.
            await queue.cancel_queued(submission)
        return False
    except (aiohttp.ClientError, OSError) as error:
        log.info("The answer to a submission got no response (%s)", type(error).__name__)
        return False
    except StoreUnavailable:  # already logged and alerted by Database
        return False
    return True

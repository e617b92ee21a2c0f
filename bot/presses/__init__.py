"""The line of presses: each is sent to useapi once, in order, and what became of it is told. Knows nothing of Discord.

`line` sends, `search` looks for the job of a press whose answer was lost.
"""

from bot.presses.line import CARD_AFTER, Presses

__all__ = ["CARD_AFTER", "Presses"]

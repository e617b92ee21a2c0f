"""Works on pictures, in a process of its own: `python -m bot.images.worker` takes one order and answers it.

A decoder is the most likely place for a stranger's bytes to do harm, and needs memory that an idle bot should not hold.
So Pillow is imported here alone, nothing of the bot is imported here, and `bot.images` starts the process.
"""

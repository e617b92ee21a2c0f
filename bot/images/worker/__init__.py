"""Resizes and splits pictures in a separate process: `python -m bot.images.worker` carries out one order.

Decoders are where untrusted bytes do most harm, and they need memory that an idle bot should not hold. So only this
package imports Pillow, it imports nothing else of the bot, and `bot.images.worker_pool` starts the process.
"""

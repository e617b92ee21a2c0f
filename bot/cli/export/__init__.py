"""`python -m bot export SERVER FOLDER`: the pictures that the bot posted in a server, with their prompts, to keep.

The jobs come from the database, see `bot.store.archive`; the pictures from the bot's own posts, through Discord's REST
API. The folder gets `index.html`, which opens in a browser without anything else, `jobs.json` with the same for
programs, and the pictures. An export that was interrupted goes on where it stopped. A later one adds what is new, and
keeps what the database no longer has.
"""

from bot.cli.export.run import SETTINGS, export

__all__ = ["SETTINGS", "export"]

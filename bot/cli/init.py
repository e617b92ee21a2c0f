"""`python -m bot init`: write the example of the settings as `.env`, readable by its owner alone."""

import os
from pathlib import Path

from bot.errors import StartError
from bot.installation import example_settings


def create_dotenv(dotenv: Path) -> str:
    """Create the file, and its folder where there is none; return a sentence for the admin.

    Raises `StartError` where the file exists, which is left as it is, or cannot be created.
    """
    example = example_settings()
    if example is None:
        raise StartError("The image has no example of the settings. env.example is a file of each release.")
    text = example.read_text(encoding="utf-8")
    try:
        dotenv.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(dotenv, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise StartError(f"There is a file {dotenv} already; it was left as it is.") from None
    except OSError as error:
        raise StartError(f"The file {dotenv} cannot be created: {error.strerror}.") from None
    return f"Wrote {dotenv}. Fill in the settings at its top, then check them with `check`."

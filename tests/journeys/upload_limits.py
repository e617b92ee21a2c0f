"""How large files may be in simcord's servers, which it does not know: by Nitro and by the server's boosts."""

from typing import Any

import pytest
import simcord.interactions
from simcord.backend import serializers

MIB = 1024 * 1024
_BOOSTED = {0: 10 * MIB, 2: 50 * MIB, 3: 100 * MIB}  # by the server's level


class UploadLimits:
    """Makes interactions and servers tell of their limits; `nitro`: the ids of members with Nitro."""

    def __init__(self) -> None:
        self.level = 0
        self.nitro: set[int] = set()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Until `patch` is undone."""
        base_payload, guild_payload = simcord.interactions.base_payload, serializers.guild_create_payload

        def interaction(*args: Any, user_id: int, **options: Any) -> Any:
            record, payload = base_payload(*args, user_id=user_id, **options)
            own = 500 * MIB if user_id in self.nitro else 0
            return record, {**payload, "attachment_size_limit": max(own, _BOOSTED[self.level])}

        patch.setattr(simcord.interactions, "base_payload", interaction)
        patch.setattr(
            serializers,
            "guild_create_payload",
            lambda *args: {**guild_payload(*args), "premium_tier": self.level},
        )

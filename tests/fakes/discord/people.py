"""What people do: call a command, press a button, type into a field; each becomes an interaction."""

import secrets
from typing import Any

from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.interactions import AUTOCOMPLETE, MODAL, PRESS, SLASH, Interaction
from tests.fakes.discord.messages import Json, Message, parts
from tests.fakes.discord.world import World

PLAIN_OPTIONS = {3, 4, 5, 10}  # text, whole number, yes or no, number
ATTACHMENT_OPTION = 11


class People(World):
    """The world with its people in it. Everyone and everything is named by its id; a `Message` will do for its id."""

    def __init__(self, *, shards: int = 1, **world: Any) -> None:
        super().__init__(**world)
        self.gateway = Gateway(self, shards)
        self.interactions: dict[str, Interaction] = {}

    async def slash(self, channel_id: int, who: int, name: str, options: Json | None = None) -> Interaction:
        """`/name options`; a subcommand follows a space, as in "darkroom status".

        The value of an attachment is its name and its bytes in base64.
        """
        return await self._interact(SLASH, channel_id, who, self._command(channel_id, name, options or {}))

    async def autocomplete(
        self, channel_id: int, who: int, name: str, options: Json, focused: str | None = None
    ) -> Interaction:
        """A person is typing into `focused` (without it: the last of the options)."""
        focused = focused or list(options)[-1]
        return await self._interact(AUTOCOMPLETE, channel_id, who, self._command(channel_id, name, options, focused))

    async def menu(self, channel_id: int, who: int, name: str, message: Message | int) -> Interaction:
        """An entry of the menu that a message has."""
        target = self._message(message)
        data = self._registered(channel_id, name, 3) | {"target_id": str(target.id)}
        resolved = {"messages": {str(target.id): target.json()}}
        return await self._interact(SLASH, channel_id, who, data | {"resolved": resolved})

    async def click(
        self, message: Message | int, who: int, custom_id: str, values: list[str] | None = None, *, forged: bool = False
    ) -> Interaction:
        """Press a button or choose `values`; it must be there and enabled, unless the press is `forged`."""
        target = self._message(message)
        there = [part for part in parts(target.components, 2, 3, 5, 6, 7, 8) if part.get("custom_id") == custom_id]
        if not forged and (not there or there[0].get("disabled") or target.deleted):
            raise LookupError(f"Nothing to press with custom_id {custom_id!r} in {target.components}")
        data: Json = {"custom_id": custom_id, "component_type": there[0]["type"] if there else 2}
        selected = {} if values is None else {"values": values}
        return await self._interact(PRESS, target.channel_id, who, data | selected, target)

    async def submit_modal(self, answered: Interaction, values: dict[str, str]) -> Interaction:
        """Fill in the form that came as the answer to `answered`: custom_id of each text field -> text."""
        if answered.modal is None:
            raise LookupError(f"No form came as the answer to {answered.data}")
        fields = [_filled(row, values) for row in answered.modal["components"]]
        data = {"custom_id": answered.modal["custom_id"], "components": fields}
        return await self._interact(MODAL, answered.channel_id, answered.person.id, data, answered.source)

    async def replay(self, interaction: Interaction) -> None:
        """Tell the bot of an interaction once more."""
        await self.gateway.dispatch(self.guild_of(interaction.channel_id), "INTERACTION_CREATE", interaction.event())

    async def _interact(
        self, kind: int, channel_id: int, who: int, data: Json, source: Message | None = None
    ) -> Interaction:
        interaction = Interaction(
            world=self, id=self.snowflake(), token=secrets.token_urlsafe(24), kind=kind, channel_id=channel_id,
            person=self.people[who], data=data, created=self.now(), source=source,
        )  # fmt: skip
        self.interactions[interaction.token] = interaction
        await self.replay(interaction)
        return interaction

    def _message(self, message: Message | int) -> Message:
        return message if isinstance(message, Message) else self.every_message[message]

    def _registered(self, channel_id: int, name: str, kind: int) -> Json:
        for command in [*self.commands.get(0, []), *self.commands.get(self.guild_of(channel_id), [])]:
            if (command["name"], command["type"]) == (name, kind):
                return {"id": command["id"], "name": name, "type": kind}
        raise LookupError(f"The bot registered no command {name!r} (of type {kind})")

    def _command(self, channel_id: int, path: str, options: Json, focused: str | None = None) -> Json:
        name, *inner = path.split()
        data = self._registered(channel_id, name, 1)
        level = next(c for every in self.commands.values() for c in every if c["id"] == data["id"]).get("options", [])
        chain = []
        for word in inner:
            chain.append(next(option for option in level if option["name"] == word and option["type"] in {1, 2}))
            level = chain[-1].get("options", [])
        kinds = {option["name"]: option["type"] for option in level}
        if not {*PLAIN_OPTIONS, ATTACHMENT_OPTION}.issuperset(kinds[key] for key in options):
            raise NotImplementedError(f"Only plain options and files are modelled, not those of {kinds}")
        attached = {
            key: self.upload(channel_id, *value) for key, value in options.items() if kinds[key] == ATTACHMENT_OPTION
        }
        options = {**options, **{key: str(file.id) for key, file in attached.items()}}
        values = [{"name": key, "type": kinds[key], "value": value} for key, value in options.items()]
        values = [value | ({"focused": True} if value["name"] == focused else {}) for value in values]
        for option in reversed(chain):
            values = [{"name": option["name"], "type": option["type"], "options": values}]
        resolved = {"resolved": {"attachments": {str(file.id): file.json() for file in attached.values()}}}
        return data | {"options": values} | (resolved if attached else {})


def _filled(row: Json, values: dict[str, str]) -> Json:
    """A row (or label) of a form with what was typed into its field."""
    field = next(parts([row], 4))
    typed = {
        "type": 4,
        "custom_id": field["custom_id"],
        "value": values.get(field["custom_id"], field.get("value", "")),
    }
    return {"type": 18, "component": typed} if "component" in row else {"type": 1, "components": [typed]}

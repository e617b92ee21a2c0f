"""One interaction: what the bot is told of it, and Discord's rules for the answer."""

from dataclasses import dataclass, field

from tests.fakes.discord.channels import Refusal
from tests.fakes.discord.messages import COMMAND, EPHEMERAL, LOADING, REPLY, File, Json, Message, Person, parts
from tests.fakes.discord.world import World

SLASH, PRESS, AUTOCOMPLETE, MODAL = 2, 3, 4, 5  # kinds of interactions
SAY, THINK, THINK_OF_EDIT, EDIT, CHOICES, ASK = 4, 5, 6, 7, 8, 9  # kinds of answers
FITTING = {
    SLASH: {SAY, THINK, ASK},
    PRESS: {SAY, THINK, THINK_OF_EDIT, EDIT, ASK},
    AUTOCOMPLETE: {CHOICES},
    MODAL: {SAY, THINK, THINK_OF_EDIT, EDIT},
}
FIRST_ANSWER, TOKEN_LIFE = 3.0, 900.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the person sees; `kind` is Discord's number of the first answer, `deferred` means still "thinking…"."""

    kind: int
    deferred: bool = False
    ephemeral: bool = False
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    message_id: int | None = None
    choices: list[Json] = field(default_factory=list)
    modal: Json | None = None

    @property
    def buttons(self) -> list[Json]:
        return list(parts(self.components, 2))


@dataclass(kw_only=True)
class Interaction:
    """Something a person did; `source` is the message under the pressed button."""

    world: World
    id: int
    token: str
    kind: int
    channel_id: int
    person: Person
    data: Json
    created: float
    source: Message | None = None
    answer_kind: int | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    choices: list[Json] = field(default_factory=list)
    modal: Json | None = None

    def event(self) -> Json:
        """INTERACTION_CREATE as the gateway tells it."""
        world, channel = self.world, self.world.channels[self.channel_id]
        rights = world.bits(channel, self.person)
        marks = {"roles": [], "deaf": False, "mute": False, "flags": 0, "pending": False, "nick": None, "avatar": None}
        times = {"joined_at": "2024-01-01T00:00:00+00:00", "premium_since": None, "communication_disabled_until": None}
        data: Json = {
            "id": str(self.id), "application_id": str(world.bot.id), "type": self.kind, "data": self.data, "version": 1,
            "token": self.token, "guild_id": str(channel.guild_id), "channel_id": str(channel.id),
            "guild": {"id": str(channel.guild_id), "locale": "en-US", "features": []},
            "channel": channel.json() | {"permissions": rights},
            "member": {"user": self.person.json(), "permissions": rights} | marks | times,
            "app_permissions": world.bits(channel, world.bot), "locale": "en-US", "guild_locale": "en-US",
            "entitlements": [], "entitlement_sku_ids": [], "context": 0,
            "authorizing_integration_owners": {"0": str(channel.guild_id)}, "attachment_size_limit": world.file_limit,
        }  # fmt: skip
        return data | ({"message": self.source.json()} if self.source else {})

    # what the bot does

    def respond(self, body: Json, files: list[File]) -> Json:
        """The first answer, once and within 3 seconds."""
        if self.answer_kind is not None:
            raise Refusal(40060)
        if self.world.now() - self.created > FIRST_ANSWER:
            raise Refusal(10062)
        kind, data = body["type"], body.get("data") or {}
        if kind not in FITTING[self.kind] or (kind in {THINK_OF_EDIT, EDIT} and not self.source):
            self.world.violations.append(f"Answer of type {kind} to an interaction of type {self.kind}")
            raise Refusal(50035)
        if kind in {SAY, THINK}:
            self.original = self._say(data, files, LOADING if kind == THINK else 0)
        elif kind in {THINK_OF_EDIT, EDIT}:
            self.original = self.source
            if kind == EDIT and self.source:
                self.world.rewrite(self.source, data, files)
        else:
            self.choices, self.modal = data.get("choices", []), data if kind == ASK else None
        self.answer_kind = kind
        return self._receipt(kind)

    def _receipt(self, kind: int) -> Json:
        data: Json = {"id": str(self.id), "type": self.kind}
        if self.original is None:
            return {"interaction": data}
        data["response_message_id"] = str(self.original.id)
        data["response_message_loading"] = kind == THINK
        data["response_message_ephemeral"] = self.original.ephemeral
        resource = {"resource": {"type": kind, "message": self.original.json()}} if kind in {SAY, EDIT} else {}
        return {"interaction": data, **resource}

    def _say(self, data: Json, files: list[File], flags: int = 0) -> Message:
        self.world.weigh(files)
        flags |= (data.get("flags") or 0) & EPHEMERAL
        kind = COMMAND if self.kind == SLASH and self.original is None else REPLY
        draft = self.world.draft(self.channel_id, self.world.bot, kind=kind, flags=flags)
        return self.world.store(draft, data, files)

    def follow_up(self, body: Json, files: list[File]) -> Message:
        """Another message; after a deferral it is the awaited one (Discord's documentation calls that deprecated)."""
        if self.original and self.original.flags & LOADING:
            return self.edit("@original", body, files)
        self.followups.append(message := self._say(body, files))
        return message

    def find(self, which: str) -> Message:
        known = {str(message.id): message for message in self.followups}
        if self.original:
            known |= {"@original": self.original, str(self.original.id): self.original}
        message = known.get(which)
        if message is None or message.deleted:
            raise Refusal(10008)
        return message

    def edit(self, which: str, body: Json, files: list[File]) -> Message:
        self.world.weigh(files)
        return self.world.rewrite(self.find(which), body, files)

    # what the person sees

    @property
    def answer(self) -> Answer | None:
        if self.answer_kind is None:
            return None
        answer = Answer(kind=self.answer_kind, choices=self.choices, modal=self.modal)
        if (message := self.original) is None:
            return answer
        return Answer(
            kind=self.answer_kind, deferred=bool(message.flags & LOADING), ephemeral=message.ephemeral,
            content=message.content, embeds=message.embeds, components=message.components, message_id=message.id,
        )  # fmt: skip

    async def acknowledged(self, within: float = 15.0) -> Answer:
        """The first answer, be it only "thinking…"."""
        return await self.world.wait_until(lambda: self.answer, within, f"a first answer to {self.data}")

    async def answered(self, within: float = 15.0) -> Answer:
        """The answer that a person can read."""

        def readable() -> Answer | None:
            return None if self.answer is None or self.answer.deferred else self.answer

        return await self.world.wait_until(readable, within, f"an answer to {self.data}")


def lookup(interactions: dict[str, Interaction], token: str) -> Interaction:
    """The answered interaction behind a webhook's token."""
    interaction = interactions.get(token)
    if interaction is None:
        raise Refusal(10015)
    if interaction.world.now() - interaction.created > TOKEN_LIFE:
        raise Refusal(50027)
    if interaction.answer_kind is None:
        raise Refusal(10015)
    return interaction

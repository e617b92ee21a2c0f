"""The results that a message refers to: links to them, and the message that it replies to."""

from collections.abc import Sequence

from bot import formatting
from bot.models import Delivery, DeliveryKind, Destination, Job, KnownJob
from bot.store import Store
from bot.ui.interactions import jump
from bot.ui.view_rights import ViewRights

_POSTS_ELSEWHERE = 5  # in other channels, searched for one that can be viewed


def jump_to(post: Delivery) -> str:
    """The jump link of a posted message."""
    assert post.message_id is not None
    return jump(post.destination, post.message_id)


class References:
    """Finds the results of a job and its parent, in the same channel first, else in another one of the same server.

    What is in another channel is named only where all readers of the message can view it.
    """

    def __init__(self, *, store: Store, view_rights: ViewRights) -> None:
        self._store = store
        self._view_rights = view_rights

    async def parent(self, job: Job, destination: Destination) -> formatting.Link | None:
        """The job that this one was made from; `None` where it has no result that all readers can view."""
        parent = await self._known_parent(job)
        return None if parent is None else await self.link(parent, destination)

    async def link(self, known: KnownJob, destination: Destination) -> formatting.Link | None:
        """A job's title and the jump link of its result; `None` where it has none that all readers can view."""
        post = await self._result(known.id, destination)
        if post is None:
            posts = await self._store.deliveries.posts_in_server(known.id, destination.guild_id, _POSTS_ELSEWHERE)
            post = next(iter(await self._viewable(posts, destination)), None)
        if post is None:
            return None
        return formatting.Link(text=formatting.title(known.job) or formatting.label(known.job), url=jump_to(post))

    async def reply_to(self, job: Job, destination: Destination) -> int | None:
        """The message that a job's result replies to: the result of its parent."""
        parent = await self._known_parent(job)
        return None if parent is None else await self.message_of(parent.id, destination)

    async def message_of(self, job_id: int, destination: Destination) -> int | None:
        """The job's result in this channel; Discord allows replies within a channel only."""
        post = await self._result(job_id, destination)
        return None if post is None else post.message_id

    async def _result(self, job_id: int, destination: Destination) -> Delivery | None:
        post = await self._store.deliveries.post_of(job_id, destination.channel_id)
        return post if post is not None and post.kind is DeliveryKind.RESULT else None  # a status card is deleted later

    async def pick_links(self, known: KnownJob, destination: Destination) -> dict[str, str]:
        """The jump links of the pictures that U1-U4 of a job have made and all readers can view, by label."""
        picks = await self._store.history.picks(known.id, destination)
        viewable = await self._viewable([*picks.values()], destination)
        return {label: jump_to(post) for label, post in picks.items() if post in viewable}

    async def _viewable(self, posts: Sequence[Delivery], destination: Destination) -> list[Delivery]:
        """Those of the posts that all readers of `destination` can view."""
        channels = [post.destination.channel_id for post in posts]
        viewable = await self._view_rights.of_readers(destination, channels)
        return [post for post in posts if post.destination.channel_id in viewable]

    async def _known_parent(self, job: Job) -> KnownJob | None:
        return await self._store.jobs.by_jobid(job.provider, job.parent_jobid) if job.parent_jobid else None

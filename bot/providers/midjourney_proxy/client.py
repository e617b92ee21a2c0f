"""HTTP client for servers of the midjourney-proxy protocol, self-hosted ones and relays."""

import asyncio
import base64
import logging
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import aiohttp
import msgspec

from bot import errors
from bot.models import Dimensions, InputPicture, Job, ProviderName
from bot.models.provider import WORDS
from bot.providers.base import Account, Cancellation, Capabilities, attributed
from bot.providers.http import Http, RequestKind, time_limit
from bot.providers.midjourney_proxy.authorization import Auth, headers_for
from bot.providers.midjourney_proxy.buttons import OWN_FORMS, change_of
from bot.providers.midjourney_proxy.parsing import created_in, jobid_of, parse_task
from bot.providers.midjourney_proxy.probe import check_protocol, offers
from bot.providers.midjourney_proxy.responses import Submitted, read, read_seed, read_submission
from bot.providers.midjourney_proxy.status_requests import StatusRequests
from bot.providers.midjourney_proxy.task_lists import TaskLists
from bot.providers.shared_polls import SharedPolls
from bot.providers.shared_seeds import SharedSeeds
from bot.providers.values import ID, ITEMS, WORD, Fields, exact_text, newest, number_of, text_of

log = logging.getLogger(__name__)

_MOST_FORMS = 1000
_MAX_STATE = 255  # characters of a reference that trueai keeps
_UPLOAD_RATE = 100_000  # characters a second that every connection should manage
_NIJI = re.compile(r"(?<!\S)(?:--|—)niji\b", re.IGNORECASE)
_NO_PROMPTS = "{provider} can't run this button with another prompt, so nothing was sent to Midjourney."


class _Form(NamedTuple):
    """What submit/modal is sent for a task."""

    prompt: str
    reference: str


class MidjourneyProxyClient:
    """Client for the server at `url` (/mj at its end is left out), authorized by `secret` in one header (`auth`).

    Implements `bot.providers.base.Provider`. The caller opens and closes `session`.

    With an `admin_secret`, trueai's cancellation, accounts and search are used. `mode` (fast, relax, turbo) selects the
    speed of submissions, where the server has paths for that. With a `notify_hook` the server is asked to call it when
    a job has news. `poll_timeout` is the limit in seconds for every request but a submission, which has
    `press_timeout`. `now` is the wall clock.

    What a server offers is not known before `probe`: until then `capabilities.find` is set, and `find` fails, so that
    nothing is given up. Routes that give out the Discord token of the server's account (account/list,
    account/{id}/fetch) are never called.
    """

    name = ProviderName.MIDJOURNEY_PROXY
    title = WORDS[name].title

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        url: str,
        secret: str,
        auth: str = Auth.SECRET_HEADER,
        admin_secret: str = "",
        mode: str = "",
        notify_hook: str = "",
        poll_timeout: float = 20.0,
        press_timeout: float = 75.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        url = url.rstrip("/").removesuffix("/mj")
        self._http = Http(session=session, url=url, headers=headers_for(Auth(auth), secret))
        self._admin = (
            Http(session=session, url=url, headers=headers_for(Auth(auth), admin_secret)) if admin_secret else None
        )
        self._submit_path = f"/mj-{mode}/mj/submit" if mode else "/mj/submit"
        self._notify_hook = notify_hook
        self._poll_timeout = time_limit(poll_timeout)
        self._press_seconds = press_timeout
        self._press_timeout = time_limit(press_timeout)
        self._now = now
        self._requests = StatusRequests(http=self._http, poll_timeout=poll_timeout, now=now, on_form=self._form_opened)
        self._lists = TaskLists(http=self._http, admin=self._admin, poll_timeout=poll_timeout, now=now)
        self._polls = SharedPolls(self._requests.fetch)
        self._seeds = SharedSeeds(self._request_seed)
        self._forms: dict[str, _Form] = {}  # what to submit, should the job turn out to wait for its form
        self._submitting: set[asyncio.Task[None]] = set()
        self._has_seed = False
        self._has_remix = True
        self._is_trueai = False
        self._capabilities = self._probed_capabilities()

    def __repr__(self) -> str:
        return f"<MidjourneyProxyClient for {self._http.host}>"

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do, as far as `probe` has found out."""
        batch = self._requests.batch
        if self._capabilities.batch != batch:  # made anew at a change only: the poller asks for them with every poll
            self._capabilities = msgspec.structs.replace(self._capabilities, batch=batch)
        return self._capabilities

    def _probed_capabilities(self) -> Capabilities:
        return Capabilities(
            running=self._lists.has_list or self._lists.has_queue,
            find=self._lists.can_find,
            echoes_reference=True,
            keeps_jobs=False,
            batch=self._requests.batch,
            cancel=self._cancellation,
            webhooks=bool(self._notify_hook),
            accounts=self._lists.has_admin,
            seed=self._has_seed,
            pictures_as_bytes=True,
        )

    @property
    def _cancellation(self) -> Cancellation:
        if self._lists.has_admin:
            return Cancellation.WORKS
        if not self._is_trueai:
            return Cancellation.NOT_OFFERED
        return Cancellation.NO_ADMIN_TOKEN if self._admin is None else Cancellation.ADMIN_TOKEN_REFUSED

    @attributed
    async def probe(self) -> Capabilities:
        """Find out what the server offers, remember it, and return it; nothing is submitted.

        A route that answers 404, 401 or HTML is one that the server lacks. Raises `TokenRefused` where the server
        refuses the secret, `OtherService` where it is none of the protocol, and a `TransientError` where it does not
        answer; then nothing is remembered.
        """
        ask = partial(offers, self._http, client_timeout=self._poll_timeout)
        many = await ask("POST", "/mj/task/list-by-condition", fields={"ids": ["0"]}, by_all=True)
        if not many:
            await check_protocol(self._http, self._poll_timeout)
        tasks, queue, home, seed = await asyncio.gather(
            ask("GET", "/mj/task/list"),
            ask("GET", "/mj/task/queue"),
            ask("GET", "/mj/home"),
            ask("GET", "/mj/task/0/image-seed", refuses=True),
        )
        criteria = {"search": {"id": "0"}, "pagination": {"current": 1, "pageSize": 1}}
        self._lists.has_admin = self._admin is not None and await offers(
            self._admin, "POST", "/mj/admin/tasks", self._poll_timeout, criteria
        )
        self._is_trueai = home  # no other server has that route
        self._requests.probed(has_route=many, grid_buttons=not home)
        self._lists.has_list, self._lists.has_queue, self._has_seed = tasks, queue, seed
        self._lists.is_known = True
        self._has_remix = home or not queue  # the port, as novicezk's, has a queue: it ignores `enableRemix`
        self._capabilities = self._probed_capabilities()
        return self._capabilities

    async def job(self, jobid: str) -> Job:
        """Return the job as the server knows it now; the answer may be up to a second old, see `SharedPolls.job`."""
        return await self._polls.job(jobid)

    def poll(self, jobid: str, known: Job | None = None) -> asyncio.Task[Job]:
        """Return the task of a status request for this job, see `SharedPolls.poll`.

        Polls that begin in one round of the event loop become one request for at most `capabilities.batch` jobs. Where
        the answer about a job has the very bytes that `known.digest` was made of, its task returns `known` unparsed.
        """
        return self._polls.poll(jobid, known)

    @attributed
    async def press(self, parent: Job, button: str, *, reference: str, prompt: str | None = None) -> Job:
        """Press `button` (its label) of a job, and return the new job.

        The button's custom id is sent, never its label; without one its change of the grid. Where the server opens a
        form, it is submitted at once with `prompt`, else with the parent's. A server that would charge for a job with
        the parent's prompt in place of `prompt` is not asked: that raises `BadRequest`. Every call spends money: no
        server recognises a second one, so it is sent once and never repeated. Errors are those of `Provider.press`.
        """
        custom_id = parent.custom_id(button)
        fields: Fields = {"taskId": parent.jobid, **self._common(reference)}
        if prompt and not self._has_remix and not (custom_id or "").startswith(OWN_FORMS):
            raise errors.BadRequest(_NO_PROMPTS)
        if custom_id is not None:
            fields["customId"] = custom_id
            if prompt:
                fields["enableRemix"] = True
            submitted = await self._submit("action", fields)
        else:
            fields |= _change_fields(button, prompt)
            submitted = await self._submit("change", fields)
        form = _Form(prompt or submitted.prompt or parent.prompt, reference)
        if submitted.form:
            submitted = await self._submit_form(submitted.jobid, form)
        elif submitted.jobid != parent.jobid:
            self._remember_form(submitted.jobid, form)
        if submitted.jobid == parent.jobid:
            raise errors.InvalidResponse  # the parent is not the job that it made
        return Job(
            jobid=submitted.jobid,
            provider=self.name,
            verb="button",
            button=button,
            parent_jobid=parent.jobid,
            prompt=form.prompt,
            reply_ref=reference,
        )

    @attributed
    async def imagine(self, prompt: str, *, reference: str) -> Job:
        """Start a job of a prompt, and return it. With `--niji`, the server is asked to use the niji bot.

        Sent once and never repeated, as a press is. Raises `InvalidResponse` where a form answers: a prompt has none.
        """
        prompt = _one_line(prompt)
        fields: Fields = {"prompt": prompt, "botType": _bot_of(prompt), **self._common(reference)}
        submitted = await self._submit("imagine", fields)
        if submitted.form:
            raise errors.InvalidResponse
        return Job(jobid=submitted.jobid, provider=self.name, verb="imagine", prompt=prompt, reply_ref=reference)

    @attributed
    async def blend(self, pictures: Sequence[InputPicture], *, dimensions: Dimensions, reference: str) -> Job:
        """Start a blend of these pictures, which are sent along."""
        encoded = [_data_url(picture) for picture in pictures]
        fields: Fields = {"base64Array": encoded, "dimensions": dimensions.upper()}
        return await self._submit_pictures("blend", fields, sum(map(len, encoded)), reference)

    @attributed
    async def describe(self, picture: InputPicture, *, reference: str) -> Job:
        """Describe a picture, which is sent along."""
        encoded = _data_url(picture)
        return await self._submit_pictures("describe", {"base64": encoded}, len(encoded), reference)

    async def _submit_pictures(self, verb: str, fields: Fields, size: int, reference: str) -> Job:
        """Send a submission with pictures of `size` characters, which takes longer."""
        fields |= {"botType": _bot_of(""), **self._common(reference)}
        submitted = await self._submit(verb, fields, time_limit(self._press_seconds + size / _UPLOAD_RATE))
        if submitted.form:
            raise errors.InvalidResponse
        return Job(jobid=submitted.jobid, provider=self.name, verb=verb, reply_ref=reference)

    @attributed
    async def running(self) -> tuple[str, ...]:
        """Return the ids of the jobs that run now, of all users of the server."""
        return await self._lists.running()

    @attributed
    async def cancel(self, jobid: str) -> None:
        """Make the server stop tracking a job, as its administrator; Midjourney goes on and charges for it."""
        if self._admin is None or not self._lists.has_admin or not jobid_of(jobid):
            raise errors.Unsupported
        try:
            response = await self._admin.request("POST", f"/mj/task/{jobid}/cancel", self._poll_timeout)
            if response.body.strip():  # a success is empty
                read(response)
        finally:
            self._polls.invalidate(jobid)

    @attributed
    async def accounts(self) -> tuple[Account, ...]:
        """Return the Midjourney accounts of a trueai server; their tokens in the response are dropped."""
        if self._admin is None or not self._lists.has_admin:
            raise errors.Unsupported
        body = read(await self._admin.request("GET", "/mj/admin/accounts", self._poll_timeout))
        listed = body.get("list") if isinstance(body, dict) else body
        if not isinstance(listed, list):
            raise errors.InvalidResponse
        return tuple(_account(each) for each in newest(listed, ITEMS) if isinstance(each, dict))

    @attributed
    async def find(self, reference: str) -> Job | None:
        """Return the job whose `state` is this reference, `None` where a complete search found none.

        Raises `Unsupported` where the server has no list that could tell.
        """
        return await self._lists.find(reference)

    @attributed
    async def seed(self, jobid: str) -> str:
        """Return the seed of a job; see `Provider.seed`."""
        if not jobid_of(jobid):
            raise errors.JobUnknown
        if not self._has_seed:
            raise errors.Unsupported
        return await self._seeds.of(jobid)

    def recognises(self, jobid: str) -> bool:
        """Whether an id has the form of a task's id: digits in most servers, at most 64 letters and digits in any."""
        return bool(jobid_of(jobid))

    def created_in(self, jobid: str) -> datetime | None:
        """Return when a job was created, as its id says; `None` for an id of another form."""
        return created_in(jobid)

    def jobid_in_call(self, body: bytes) -> str:
        """Return the job id in the body of a webhook call, which is a whole task; empty where there is none."""
        try:
            return parse_task(body, jobid="", now=self._now()).jobid
        except errors.InvalidResponse:
            return ""

    # --- requests -----------------------------------------------------------------------------------------------------

    async def _request_seed(self, jobid: str) -> str:
        return read_seed(await self._http.request("GET", f"/mj/task/{jobid}/image-seed", self._press_timeout))

    def _common(self, reference: str) -> Fields:
        """Return the fields of every submission."""
        if len(reference) > _MAX_STATE:
            raise ValueError(f"a reference has at most {_MAX_STATE} characters")
        return {"state": reference} | ({"notifyHook": self._notify_hook} if self._notify_hook else {})

    async def _submit(
        self, route: str, fields: Fields, client_timeout: aiohttp.ClientTimeout | None = None
    ) -> Submitted:
        """Send a submission, once; what is known of the job `taskId`, where it names one, is out of date then."""
        try:
            return read_submission(
                await self._http.request(
                    "POST",
                    f"{self._submit_path}/{route}",
                    client_timeout or self._press_timeout,
                    fields,
                    kind=RequestKind.SUBMIT,
                )
            )
        finally:
            if "taskId" in fields:
                self._polls.invalidate(fields["taskId"])

    # --- forms --------------------------------------------------------------------------------------------------------

    async def _submit_form(self, jobid: str, form: _Form) -> Submitted:
        """Submit the form of a task, once. Its job may get another id: trueai keeps it, the port gives a new one."""
        if not form.prompt:
            raise errors.BadRequest(_NO_PROMPTS)
        fields = {"taskId": jobid, "prompt": _one_line(form.prompt), **self._common(form.reference)}
        submitted = await self._submit("modal", fields)
        if submitted.form:
            raise errors.InvalidResponse  # a second form
        return submitted

    def _remember_form(self, jobid: str, form: _Form) -> None:
        """Remember what to submit for a job: a relay answers that it took a press although its form is open."""
        self._forms[jobid] = form
        if len(self._forms) > _MOST_FORMS:
            del self._forms[next(iter(self._forms))]

    def _form_opened(self, jobid: str) -> None:
        """Submit the form of a job that was found to wait for it; after a restart nobody does, so that it ends."""
        form = self._forms.pop(jobid, None)
        if form is not None and form.prompt:
            task = asyncio.create_task(self._submit_late_form(jobid, form))
            self._submitting.add(task)
            task.add_done_callback(self._submitting.discard)

    async def _submit_late_form(self, jobid: str, form: _Form) -> None:
        try:
            await self._submit_form(jobid, form)
        except (errors.NotSent, errors.Busy) as error:
            log.debug("The form of a pressed button was not taken, it is sent again: %s", error)
            self._remember_form(jobid, form)
        except errors.ProviderError as error:
            log.warning("The form of a pressed button got no clear answer: %s", error)


def _bot_of(prompt: str) -> str:
    """Return the bot for a prompt: https://github.com/novicezk/midjourney-proxy/blob/main/docs/api.md, botType."""
    return "NIJI_JOURNEY" if _NIJI.search(prompt) else "MID_JOURNEY"


def _data_url(picture: InputPicture) -> str:
    """Return the picture itself as a URL: https://github.com/novicezk/midjourney-proxy/blob/main/docs/api.md."""
    if picture.content is None:
        raise ValueError("a picture is sent as bytes, and this one has none")
    return f"data:{picture.content_type};base64,{base64.b64encode(picture.content).decode()}"


def _one_line(prompt: str) -> str:
    """Return a prompt without line breaks, which Midjourney reads as spaces.

    Servers find Midjourney's messages by the prompt in one line: with a line break the job never ends there.
    """
    return " ".join(prompt.splitlines())


def _change_fields(button: str, prompt: str | None) -> Fields:
    """Return the fields of submit/change; raises `BadRequest` where it has no such change."""
    change = change_of(button)
    if change is None:
        raise errors.BadRequest
    if prompt:
        raise errors.BadRequest(_NO_PROMPTS)
    return {"action": change.action} | ({} if change.number is None else {"index": change.number})


def _account(fields: Fields) -> Account:
    return Account(
        channel=exact_text(fields.get("channelId"), ID),
        max_jobs=number_of(fields.get("coreSize")),
        needs_person=bool(fields.get("lock")) or bool(text_of(fields.get("disabledReason"), WORD)),
    )

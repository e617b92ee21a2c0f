"""The buttons of a task as the servers describe them, and what a press of one makes."""

from uuid import UUID

from bot.demo.midjourney.job import Job
from bot.demo.midjourney.timeline import Kind

Body = dict[str, object]

KNOWN_ACTIONS = (
    *("MJ::JOB::upsample::", "MJ::JOB::video_virtual_upscale", "MJ::JOB::variation::", "MJ::JOB::reroll::"),
    *("MJ::JOB::high_variation::", "MJ::JOB::low_variation::", "MJ::JOB::upsample_", "MJ::JOB::pan_"),
    *("MJ::JOB::animate_", "MJ::Outpaint::", "MJ::CustomZoom::", "MJ::Inpaint::", "MJ::Picread::Retry"),
    "MJ::Job::PicReader",
)
"""What trueai accepts as an action; anything else is refused."""
OWN_FORMS = ("MJ::CustomZoom::", "MJ::Inpaint::", "MJ::Job::PicReader")
"""The buttons that always open a form."""

_ARROWS = {"⬅️": "left", "➡️": "right", "⬆️": "up", "⬇️": "down"}
_IDS = {
    "Upscale (Subtle)": "MJ::JOB::upsample_v7_2x_subtle::1::{uuid}::SOLO",
    "Upscale (Creative)": "MJ::JOB::upsample_v7_2x_creative::1::{uuid}::SOLO",
    "Redo Upscale (Subtle)": "MJ::JOB::upsample_v7_redo_2x_subtle::1::{uuid}::SOLO",
    "Redo Upscale (Creative)": "MJ::JOB::upsample_v7_redo_2x_creative::1::{uuid}::SOLO",
    "Vary (Subtle)": "MJ::JOB::low_variation::1::{uuid}::SOLO",
    "Vary (Strong)": "MJ::JOB::high_variation::1::{uuid}::SOLO",
    "Vary (Region)": "MJ::Inpaint::1::{uuid}::SOLO",
    "Zoom Out 2x": "MJ::Outpaint::50::1::{uuid}::SOLO",
    "Zoom Out 1.5x": "MJ::Outpaint::75::1::{uuid}::SOLO",
    "Make Square": "MJ::Outpaint::100::1::{uuid}::SOLO",
    "Custom Zoom": "MJ::CustomZoom::{uuid}",
    "Animate (High motion)": "MJ::JOB::animate_high::1::{uuid}::SOLO",
    "Animate (Low motion)": "MJ::JOB::animate_low::1::{uuid}::SOLO",
    "Extend (High motion)": "MJ::JOB::animate_high_extend::1::{uuid}::SOLO",
    "Extend (Low motion)": "MJ::JOB::animate_low_extend::1::{uuid}::SOLO",
    "🔄": "MJ::JOB::reroll::0::{uuid}::SOLO",
    **{f"V{number}": f"MJ::JOB::variation::{number}::{{uuid}}" for number in range(1, 5)},
    **{arrow: f"MJ::JOB::pan_{way}::1::{{uuid}}::SOLO" for arrow, way in _ARROWS.items()},
}
_EMOJI = {"Upscale": "upscale_1", "Redo": "upscale_1", "Vary (Region)": "🖌️", "Vary": "🪄", "Zoom": "🔍", "Custom": "🔍"}
_SIGNS = ("🔄", *_ARROWS)
DESCRIBED = tuple(f"{number}\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}" for number in range(1, 5))


def custom_id(label: str, uuid: UUID, kind: Kind) -> str:
    """Return the custom id of a job's button."""
    if label in DESCRIBED:
        return f"MJ::Job::PicReader::{label[0]}"
    if label[:1] == "U" and label[1:].isdecimal():
        verb = "video_virtual_upscale" if kind is Kind.VIDEOS else "upsample"
        return f"MJ::JOB::{verb}::{label[1:]}::{uuid}"
    return _IDS.get(label, "MJ::JOB::unknown::{uuid}").format(uuid=uuid)


def labels_of(job: Job) -> tuple[str, ...]:
    """Return the labels of a completed job's buttons."""
    return DESCRIBED if job.kind is Kind.DESCRIBED else job.buttons


def label_of(job: Job, selected: str) -> str | None:
    """Return the label of the button with this custom id; `None` where a job has none."""
    return next((label for label in labels_of(job) if custom_id(label, job.uuid, job.kind) == selected), None)


def described(job: Job, *, emoji_objects: bool) -> list[Body]:
    """Return the buttons of a completed job; with `emoji_objects` as the port writes them."""
    found: list[Body] = []
    for label in labels_of(job):
        sign = label in _SIGNS or label in DESCRIBED
        emoji = label if sign else next((sign for start, sign in _EMOJI.items() if label.startswith(start)), "")
        own_id = custom_id(label, job.uuid, job.kind)
        if emoji_objects:
            found.append({"customId": own_id, "type": 2, "label": label, "emoji": {"name": emoji}, "style": 2})
        else:
            found.append({"customId": own_id, "emoji": emoji, "label": "" if sign else label, "style": 2, "type": 2})
    return found


def action_of(label: str | None, verb: str) -> str:
    """Return the action word of a task."""
    if label is None:
        return verb.upper()
    if "Upscale" in label or (label[:1] == "U" and label[1:].isdecimal()):
        return "UPSCALE"
    if label == "🔄":
        return "REROLL"
    if label in _ARROWS:
        return "PAN"
    if label in DESCRIBED:
        return "PIC_READER"
    if label.startswith(("Animate", "Extend")):
        return "VIDEO"
    if "Zoom" in label or label == "Make Square":
        return "ZOOM" if label == "Custom Zoom" else "OUTPAINT"
    return "INPAINT" if label == "Vary (Region)" else "VARIATION"

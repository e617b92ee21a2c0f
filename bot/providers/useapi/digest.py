"""The hash of a response, by which a job about which nothing is new is recognised without being parsed."""

from hashlib import blake2b

import msgspec

from bot.providers.useapi.parsing import MODEL

_Fields = msgspec.defstruct("_Fields", [(name, msgspec.Raw, msgspec.Raw()) for name in MODEL], frozen=True, gc=False)
_DECODER = msgspec.json.Decoder(_Fields)


def digest_of(raw: bytes) -> str:
    """Hash the fields of a response from which a job is parsed, 16 hexadecimal digits; of no object, all of it."""
    try:
        fields = msgspec.structs.astuple(_DECODER.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = (raw,)
    return blake2b(b",".join(fields), digest_size=8).hexdigest()

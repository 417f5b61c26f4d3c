"""What the guest has of its cloud, from a probe of kind `cloud` (docs/abi.md)."""

from __future__ import annotations

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.slots import mac
from unidbg.views.services import CloudView, Hook, Metadata, Nic, Volume

MAX_NAME = 256
MAX_VALUE = 1024


def cloud(fields: Fields, context: Context) -> CloudView:
    """Metadata, volumes, NICs and hooks, in the order of the guest's tables."""
    put_channel = fields.text("put_channel", limit=MAX_NAME)
    parts = {
        "metadata": tuple(_metadata(each) for each in fields.structs("metadata", "metadata_count")),
        "volumes": tuple(_volume(each) for each in fields.structs("volumes", "volume_count")),
        "nics": tuple(_nic(each) for each in fields.structs("nics", "nic_count")),
        "hooks": tuple(_hook(each) for each in fields.structs("hooks", "hook_count")),
    }
    return CloudView(context.provenance, fields.faults.all(), put_channel, **parts)  # type: ignore[arg-type]


def _metadata(fields: Fields) -> Metadata:
    key, source = (fields.text(name, limit=MAX_NAME) for name in ("key", "source"))
    return Metadata(key, fields.text("value", limit=MAX_VALUE), source)


def _volume(fields: Fields) -> Volume:
    counts = ("capacity_bytes", "block_bytes", "read_bytes", "written_bytes", "errors")
    volume = Volume(
        fields.text("name", limit=MAX_NAME),
        bool(fields.integer("attached")),
        *(fields.unsigned(name) for name in counts),
    )
    if volume.attached and volume.block_bytes == 0:
        fields.faults.add(fields.where("block_bytes"), "a volume of no block size", fields.value.address_)
    elif volume.attached and volume.capacity_bytes % volume.block_bytes:
        reason = f"{volume.capacity_bytes} bytes are no whole number of blocks of {volume.block_bytes}"
        fields.faults.add(fields.where("capacity_bytes"), reason, fields.value.address_)
    return volume


def _nic(fields: Fields) -> Nic:
    name = fields.text("name", limit=MAX_NAME)
    return Nic(name, bool(fields.integer("attached")), mac(fields, "mac"))


def _hook(fields: Fields) -> Hook:
    return Hook(fields.text("name", limit=MAX_NAME), fields.function("function"))

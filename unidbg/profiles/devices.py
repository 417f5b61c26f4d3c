"""Devices from a probe of kind `devices` (docs/abi.md)."""

from __future__ import annotations

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.views.base import Address
from unidbg.views.system import Device, DevicesView


def devices(fields: Fields, context: Context) -> DevicesView:
    """All devices the guest lists."""
    found = tuple(_device(each) for each in fields.structs("devices", "device_count"))
    return DevicesView(context.provenance, fields.faults.all(), found)


def _device(fields: Fields) -> Device:
    mmio, port, irq = (
        fields.address("mmio_base"),
        fields.unsigned("port_base"),
        fields.integer("irq", default=-1),
    )
    return Device(
        name=fields.text("name", limit=256),
        mmio_base=Address(mmio) if mmio else None,
        port_base=port or None,
        irq=irq if irq >= 0 else None,
        handler=fields.function("handler"),
        interrupts=fields.unsigned("interrupts"),
    )

"""Which QEMU runs an image: by the machine that the image was built for."""

from __future__ import annotations

import platform
from typing import NamedTuple

from unidbg.errors import ConfigError


class System(NamedTuple):
    """A QEMU: its program, Debian's package, its machines (the first unless one is named), its CPU."""

    program: str
    package: str
    machines: tuple[str, ...]
    cpu: str = "max"


PC = System("qemu-system-x86_64", "qemu-system-x86", ("q35", "microvm"))
SYSTEMS = {
    "x86_64": PC,
    "i386": PC,
    "aarch64": System("qemu-system-aarch64", "qemu-system-arm", ("virt",)),
    "arm": System("qemu-system-arm", "qemu-system-arm", ("virt",)),
    "riscv64": System("qemu-system-riscv64", "qemu-system-misc", ("virt",), "rv64"),
}
"""By the names that images have for their machine."""


def system_of(architecture: str) -> System:
    """ConfigError for an architecture that no QEMU of ours runs."""
    found = SYSTEMS.get(architecture)
    if found is None:
        known = ", ".join(SYSTEMS)
        raise ConfigError(f"nothing here boots an image for {architecture}: {known} can be booted")
    return found


def find_qemu(architecture: str = "x86_64") -> str:
    """Path of the QEMU for that architecture. ConfigError says how to get it."""
    import shutil

    system = system_of(architecture)
    found = shutil.which(system.program)
    if found is None:
        raise ConfigError(
            f"there is no {system.program} on the PATH: apt-get install {system.package} (Debian, Ubuntu)"
        )
    return found


def machine_of(architecture: str, wanted: str | None) -> str:
    """The machine to boot on, as wanted or the usual one; ConfigError names those that there are."""
    machines = system_of(architecture).machines
    machine = wanted or machines[0]
    if machine.partition(",")[0] not in machines:
        raise ConfigError(f"no machine {machine!r} for {architecture}: {' or '.join(machines)}")
    return machine


def is_native(architecture: str) -> bool:
    """Whether a guest of that architecture may run on this host's own processor; we try that on PCs alone."""
    return system_of(architecture) is PC and platform.machine().lower() in ("x86_64", "amd64")

"""What gdb's own Python has to do for the facts of an overview that are no plain globals. It runs inside gdb.

Page tables are walked and counted, what pointers lead to is named with its line, the log is printed as text.
The guests of the bench are mapped one to one, so physical memory can be read as it is.
"""

import struct
from importlib import import_module
from typing import Any

gdb: Any = import_module("gdb")

PRESENT, WRITE, LARGE, NO_EXECUTE, ADDRESS = 1, 2, 1 << 7, 1 << 63, 0x000F_FFFF_FFFF_F000


def entries(memory: Any, table: int) -> tuple[int, ...]:
    return struct.unpack("<512Q", memory.read_memory(table, 4096).tobytes())


def walk(memory: Any, table: int, level: int, counts: list[int]) -> None:
    """Pages, writable ones and those that cannot be executed."""
    for entry in entries(memory, table):
        if not entry & PRESENT:
            continue
        if level == 1 or (entry & LARGE and level <= 3):
            counts[0] += 1
            counts[1] += bool(entry & WRITE)
            counts[2] += bool(entry & NO_EXECUTE)
        else:
            walk(memory, entry & ADDRESS, level - 1, counts)


def named(address: int) -> None:
    gdb.execute(f"info symbol {address}")
    gdb.execute(f"info line *{address}")


def main(root: int) -> None:
    counts = [0, 0, 0]
    walk(gdb.selected_inferior(), root, 4, counts)
    print(counts)
    probe = gdb.parse_and_eval
    named(int(probe("unidbg_probe_app_main.object->entry")))
    loop = probe("*unidbg_probe_loop_main.object")
    for number in range(int(loop["timer_count"])):
        named(int(loop["timers"][number]["callback"]))
    devices = probe("*unidbg_probe_devices_machine.object")
    for number in range(int(devices["device_count"])):
        print(devices["devices"][number]["name"].string())
        named(int(devices["devices"][number]["handler"]))
    boot = probe("*unidbg_probe_boot_info.object")
    for number in range(int(boot["phase_count"])):
        print(boot["phases"][number]["name"].string())
    log = probe("*unidbg_probe_log_console.object")
    print(log["buffer"].string(length=min(int(log["written"]), int(log["size"]))))

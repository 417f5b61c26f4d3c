"""Runs inside gdb (`gdb -x`): stops a guest at random, and writes what gdb knows of each stop as JSON.

Every function has a breakpoint, so that `continue` comes to the next one that is called; from there some
instructions are stepped, interrupts let in, so that stops fall anywhere: into prologues, handlers, inlined
code.
UNIDBG_STOPS is JSON: `out`, `count`, `seed`, `target`, `functions` (addresses).
"""

from __future__ import annotations

import json
import os
import random
from importlib import import_module
from typing import Any

gdb: Any = import_module("gdb")

SETTINGS = (
    "pagination off", "confirm off", "breakpoint always-inserted on", "backtrace past-main on",
    "backtrace past-entry on", "backtrace limit 64", "height 0", "width 0",
)  # fmt: skip
REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)), "rip")
WORD = (1 << 64) - 1
PLAIN = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR)
KEPT = (gdb.SYMBOL_LOC_COMPUTED, gdb.SYMBOL_LOC_OPTIMIZED_OUT, gdb.SYMBOL_LOC_REGISTER, gdb.SYMBOL_LOC_ARG,
        gdb.SYMBOL_LOC_LOCAL, gdb.SYMBOL_LOC_CONST)  # fmt: skip


def main() -> None:
    asked = json.loads(os.environ["UNIDBG_STOPS"])
    for setting in SETTINGS:
        gdb.execute(f"set {setting}", to_string=True)
    gdb.execute(f"target remote {asked['target']}", to_string=True)
    # Interrupts and timers go on while instructions are stepped.
    gdb.execute("maintenance packet Qqemu.sstep=0x1", to_string=True)
    for address in asked["functions"]:
        gdb.execute(
            f"hbreak *{address:#x}" if asked.get("hardware") else f"break *{address:#x}", to_string=True
        )
    chosen = random.Random(asked["seed"])
    with open(asked["out"], "w") as out:
        for _ in range(asked["count"]):
            for _ in range(chosen.choice((1, 1, 2, 3, 7))):
                gdb.execute("continue", to_string=True)
            steps = chosen.choice((0, 1, 2, 3, chosen.randrange(4, 20), chosen.randrange(20, 120)))
            if steps:
                gdb.execute(f"stepi {steps}", to_string=True)
            out.write(json.dumps(stop()) + "\n")
    gdb.execute("detach", to_string=True)


def stop() -> dict[str, object]:
    """Registers, memory around each frame's stack pointer, and the frames with their plain variables."""
    newest = gdb.newest_frame()
    registers = {name: int(newest.read_register(name)) & WORD for name in REGISTERS}
    frames, pointers = [], []
    frame = newest
    while frame is not None:
        pointers.append(int(frame.read_register("rsp")) & WORD)
        frames.append(
            {
                "name": frame.name(),
                "pc": frame.pc(),
                "inline": frame.type() == gdb.INLINE_FRAME,
                "signal": frame.type() == gdb.SIGTRAMP_FRAME,
                "tail": frame.type() == gdb.TAILCALL_FRAME,
                "variables": variables(frame),
            }
        )
        frame = frame.older()
    why = newest.unwind_stop_reason()
    return {"registers": registers, "memory": memory(pointers), "frames": frames, "why": why}


def variables(frame: Any) -> dict[str, object]:
    """Name to value: a number, null where it was optimised out. What is shadowed or no scalar is left out."""
    found: dict[str, object] = {}
    try:
        block = frame.block()
    except RuntimeError:
        return found
    while block is not None and not block.is_static and not block.is_global:
        for symbol in block:
            name = symbol.print_name
            if not (symbol.is_argument or symbol.is_variable) or symbol.addr_class not in KEPT:
                continue
            if symbol.type.strip_typedefs().code in PLAIN:
                found[name] = "twice" if name in found else value(frame, symbol)
        if block.function is not None:
            break
        block = block.superblock
    return found


def value(frame: Any, symbol: Any) -> object:
    try:
        read = frame.read_var(symbol)
        if read.is_optimized_out:
            return None
        return int(read)
    except gdb.error as error:
        return str(error)


def memory(pointers: list[int]) -> dict[str, str]:
    """Pages of 1 KiB around the stack pointers, by address, as hexadecimal text."""
    wanted = {at & ~0x3FF for pointer in pointers for at in range(pointer - 0x400, pointer + 0x1000, 0x400)}
    found = {}
    for page in sorted(wanted):
        try:
            data = gdb.selected_inferior().read_memory(page, 0x400)
        except gdb.MemoryError:
            continue
        found[hex(page)] = bytes(data).hex()
    return found


main()

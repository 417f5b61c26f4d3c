"""Parameters and local variables of the frames of a thread, as text.

A variable that cannot be shown says why in place of its value: a backtrace never fails for one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unidbg_symbols import types as t

from unidbg.errors import MemoryFault, SymbolError
from unidbg.program import cfi
from unidbg.program.module import MASK, Module
from unidbg.program.pieces import MISSING, Whole, assemble
from unidbg.program.show import Limits, Shower
from unidbg.program.tailcalls import called_directly, may_come_again
from unidbg.program.value import Value
from unidbg.views.inspect import ValueNode
from unidbg.views.system import Variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unidbg_symbols.dwarf.call_sites import CallSite
    from unidbg_symbols.dwarf.locals import LocalVariable
    from unidbg_symbols.requests import Answer, Request

    from unidbg.program.program import Program
    from unidbg.program.stepping import Step

MAX_VARIABLES = 200
"""Of one frame; a damaged image may claim any number."""
MAX_TEXT = 240
MAX_CALLERS = 12
"""Frames that are asked one after the other what they passed on."""
LIMITS = Limits(elements=8, depth=3, nodes=60)
"""A backtrace is a survey: `unidbg print` shows a value whole."""


def variables(
    program: Program, module: Module, steps: Sequence[Step], looked_up: int
) -> list[tuple[Variable, ...]]:
    """Those of each frame at `looked_up`, in the order of `Module.frames`; none where the image is silent.

    `steps` are the frame and its callers, which may know what was passed.
    """
    try:
        found = module.image.locals_at(module.link_address(looked_up))
    except SymbolError:
        return []
    asked = _Asked(program, module, steps[:MAX_CALLERS])
    return [tuple(_variable(asked, each) for each in frame[:MAX_VARIABLES]) for frame in found]


class _Asked:
    """Answers what the locations of one frame ask for; the CFA is computed once."""

    def __init__(self, program: Program, module: Module, steps: Sequence[Step]) -> None:
        from unidbg_symbols.registers import register_file

        self.program = program
        self.module = module
        self._step = steps[0]
        self._callers = steps[1:]
        self._file = register_file(module.image.machine)
        self._cfa: int | None = None
        self._cfa_known = False
        self.entry_wanted = False

    def __call__(self, request: Request) -> Answer:
        from unidbg_symbols import requests

        if isinstance(request, requests.MemoryRequest):
            try:
                return self.program.read(request.address & MASK, request.size)
            except MemoryFault:
                return None
        if isinstance(request, requests.RegisterRequest):
            return self.register(request.number)
        if isinstance(request, requests.EntryValueRequest):
            self.entry_wanted = True
            return self._at_entry(request.expression)
        return self._canonical() if isinstance(request, requests.CfaRequest) else None

    def _at_entry(self, location: bytes) -> int | None:
        """What the caller says it passed at `location`, which the function has overwritten since."""
        caller = self._callers[0] if self._callers else None
        module = None if caller is None else self.program.module_at(caller.cursor.pc - 1)
        if caller is None or module is None or caller.exact or caller.how not in ("cfi", "tail-call"):
            return None
        asked = _Asked(self.program, module, self._callers)
        return_pc = module.link_address(caller.cursor.pc)
        pc = self._step.cursor.pc if self._step.exact else self._step.cursor.pc - 1
        for site in module.image.call_sites(return_pc - 1):
            code = site.value(location) if site.return_pc == return_pc else None
            if code is not None and asked.called(site, module.link_address(pc)):
                return asked.number(site, code)
        return None

    def called(self, site: CallSite, looked_up: int) -> bool:
        """Whether the call went to the function of `looked_up`: it may have jumped on to another one."""
        image = self.module.image
        function = image.function_at(looked_up)
        if function is None or may_come_again(image, function):
            return False
        if site.tail:
            return site.function == function.name
        if called_directly(image, site.return_pc, looked_up):
            return True
        if site.target is None:
            return False
        return self.number(site, site.target) == self.module.run_address(function.low)

    def number(self, site: CallSite, code: bytes) -> int | None:
        """The value of an expression of a call of this frame."""
        from unidbg_symbols.requests import drive

        try:
            piece = drive(site.evaluate(code, self.module.bias), self)[0]
        except SymbolError:
            return None
        return piece.value if piece.kind in ("memory", "value") else None

    def register(self, number: int) -> int | None:
        """A register as the frame has it, `None` where nobody kept it."""
        if self._file is None or not 0 <= number < len(self._file.names):
            return None
        name, cursor = self._file.names[number], self._step.cursor
        if number == self._file.stack:
            return None if self._step.how == "tail-call" else cursor.sp
        return cursor.pc if name == self._file.counter else cursor.registers.get(name)

    def _canonical(self) -> int | None:
        if not self._cfa_known and self._step.how != "tail-call":
            self._cfa, self._cfa_known = cfi.canonical_frame_address(self.program, self._step), True
        return self._cfa


def _variable(asked: _Asked, variable: LocalVariable) -> Variable:
    try:
        type_ = variable.type
    except SymbolError as error:
        return Variable(variable.name, "", f"<{error}>", variable.parameter)
    asked.entry_wanted = False
    try:
        text = _text(asked, variable, type_)
    except MemoryFault as fault:
        text = f"<unreadable at {fault.address:#x}: {fault.reason}>"
    except SymbolError as error:
        # What a register held at the call is gone: to a user that is the same as optimised out.
        text = MISSING if asked.entry_wanted else f"<{error}>"
    return Variable(variable.name, type_.name, text, variable.parameter)


def _text(asked: _Asked, variable: LocalVariable, type_: t.Type) -> str:
    from unidbg_symbols.requests import drive

    if variable.expression() is None and variable.constant is None:
        return MISSING
    pieces = drive(variable.locate(asked.module.bias), asked)
    little = asked.module.image.little_endian
    if len(pieces) == 1 and pieces[0].kind == "memory" and pieces[0].bit_size is None:
        value = Value(asked.program.memory, type_, pieces[0].value, little_endian=little)
        return _shown(asked.program, value)
    whole = assemble(pieces, type_.size, asked, little_endian=little)
    value = Value(asked.program.memory, type_, None, whole.data, little_endian=little)
    if whole.complete and whole.data:
        return _shown(asked.program, value)
    return MISSING if whole.nothing else _partly(asked.program, value, whole)


def _partly(program: Program, value: Value, whole: Whole) -> str:
    """Of a struct the members that are known."""
    plain = t.strip(value.type_)
    if not isinstance(plain, t.StructType):
        return f"<partly {MISSING[1:]}"
    texts = (
        f"{name} = " + (_shown(program, part) if whole.knows(member.offset, member.type.size) else MISSING)
        for member, (name, part) in zip(plain.members, value.members_(), strict=True)
    )
    return _cut(f"{{{', '.join(texts)}}}")


def _shown(program: Program, value: Value) -> str:
    return _cut(one_line(Shower(program, LIMITS).node("", value)))


def one_line(node: ValueNode) -> str:
    """A tree of values as C would initialise it: `{a = 1, b = {1, 2}}`."""
    if not node.children:
        return node.text or "{}"
    parts = (
        one_line(child) if child.name[:1] in ("", "[", ".") else f"{child.name} = {one_line(child)}"
        for child in node.children
    )
    return f"{{{', '.join(parts)}}}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."

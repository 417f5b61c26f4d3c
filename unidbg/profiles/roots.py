"""Where the structure of a view is: what `[roots]` names, else what a probe of its kind points to."""

from __future__ import annotations

from unidbg.errors import SymbolError, TargetError
from unidbg.profiles import records
from unidbg.profiles.base import Context
from unidbg.program.value import Value
from unidbg.structures.faults import Faults
from unidbg.views.base import Absent


def find_root(context: Context, kind: str, faults: Faults) -> Value | Absent | None:
    """The structure of `kind`; an `Absent` says what is wrong with its root, `None`: there is none."""
    named = _named_root(context, kind)
    return named if named is not None else _probe_root(context, kind, faults)


def _named_root(context: Context, kind: str) -> Value | Absent | None:
    """What the expression in `[roots]` gives for `kind`, or points to."""
    expression = (context.roots or {}).get(kind)
    if expression is None:
        return None
    from unidbg.program.expression import evaluate

    try:
        value = evaluate(context.program, expression)
        return value.deref_() if value.is_pointer_() else value
    except (SymbolError, TargetError) as error:
        remedy = f"correct `{kind}` in [roots] of unidbg.toml"
        return context.absent(kind, f"its root `{expression}` means nothing: {error}", remedy)


def _probe_root(context: Context, kind: str, faults: Faults) -> Value | Absent | None:
    """The object of the first probe of `kind`."""
    program = context.program
    for module in program.modules:
        for record in records.read_records(program, module, faults):
            if record.kind == kind:
                try:
                    return records.object_of(program, module, record)
                except SymbolError as error:
                    reason = f"the object of the probe has no type: {error}"
                    return context.absent(kind, reason, "build the kernel with -g")
    return None

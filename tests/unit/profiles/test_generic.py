"""Any guest: page tables, vCPUs, roots that the user names, and reasons for all that is absent."""

from __future__ import annotations

import pytest

from tests.support.kernel import SOURCE, Guest, kernel
from tests.support.page_tables import TableBuilder
from unidbg.config import Config
from unidbg.errors import SymbolNotFound
from unidbg.profiles import registry
from unidbg.program.paging import WRITABLE
from unidbg.session import VIEWS, ImageSpec, Session
from unidbg.views.base import Absent
from unidbg.views.system import HeapView, MemoryView, ThreadsView

PLAIN = "\n".join(line for line in SOURCE.splitlines() if "UNIDBG_PROBE" not in line)
UNUSED = "-Wno-unused-variable"


def plain() -> Guest:
    """A kernel without a single probe; its globals are kept."""
    keep = "void *keep[] = {&layout, &heap, &loop, &boot, &devices, &app, &log_ring, &seven};"
    return kernel(PLAIN + keep)


def session(guest: Guest, roots: dict[str, str] | None = None) -> Session:
    config = Config(None, {"roots": dict(roots or {})})
    return Session.over(guest.target, images=[ImageSpec(guest.path)], config=config)


def with_tables(guest: Guest) -> None:
    tables = TableBuilder(base=0x80_0000)
    tables.map(0x10_0000, 0x10_0000, 0)
    tables.map(0x10_4000, 0x10_4000, WRITABLE)
    guest.target.physical = tables.memory()
    guest.target.fake_registers.values["1"].update(cr3=tables.root)


def test_memory_and_threads_need_no_probe() -> None:
    guest = plain()
    with_tables(guest)
    generic = session(guest)
    assert generic.profile_name == "generic"
    memory, threads = generic.view("memory"), generic.view("threads")
    assert isinstance(memory, MemoryView)
    assert [region.start for region in memory.regions] == [0x100000, 0x104000]
    assert memory.code is not None
    assert memory.heap is None
    assert isinstance(threads, ThreadsView)
    assert threads.threads[0].frames[0].pc.symbol == "_start"


def test_every_other_view_says_why_and_what_would_provide_it() -> None:
    views = session(plain()).snapshot(VIEWS).views
    for name in ("devices", "boot", "app", "heap", "loop", "log"):
        view = views[name]
        assert isinstance(view, Absent)
        assert "no probes" in view.reason
        assert "UNIDBG_PROBE" in view.remedy
        assert "[roots]" in view.remedy


def test_memory_without_physical_reads_is_absent_with_a_remedy() -> None:
    memory = session(plain()).view("memory")
    assert isinstance(memory, Absent)
    assert "gdbstub" in memory.remedy


def test_roots_of_the_configuration_stand_in_for_probes() -> None:
    named = session(plain(), {"heap": "heap"})
    assert named.profile_name == "probe"
    heap = named.view("heap")
    assert isinstance(heap, HeapView)
    assert heap.count == 3
    assert isinstance(named.view("loop"), Absent)


def test_a_root_that_does_not_exist_says_so() -> None:
    heap = session(plain(), {"heap": "hepa"}).view("heap")
    assert isinstance(heap, Absent)
    assert "hepa" in heap.reason
    assert "[roots]" in heap.remedy


def test_a_root_may_point_to_the_structure() -> None:
    source = (
        PLAIN
        + "struct unidbg_heap *the_heap = &heap; void *keep[] = {&layout, &loop, &boot, &devices, &app};"
    )
    heap = session(kernel(source, flags=UNUSED), {"heap": "the_heap"}).view("heap")
    assert isinstance(heap, HeapView)
    assert heap.count == 3


def test_detection_says_its_evidence() -> None:
    guest = kernel()
    assert registry.detect(guest.program.modules).evidence == "probe records"
    assert registry.detect(plain().program.modules).profile.name == "generic"
    assert registry.detect(()).evidence == "no image"


def test_a_stripped_image_still_shows_registers_and_tables() -> None:
    guest = kernel(SOURCE, flags="-s")
    with_tables(guest)
    stripped = session(guest)
    assert isinstance(stripped.view("threads"), ThreadsView)
    assert isinstance(stripped.view("heap"), Absent)
    with pytest.raises(SymbolNotFound):
        stripped.evaluate("$nothing")

"""Which image runs in the guest, and where."""

from __future__ import annotations

import pytest
from unidbg_symbols import Image

from tests.support.fake_target import FakeMemory, FakeTarget
from tests.support.images import compile_image, load
from tests.support.kernel import kernel
from tests.support.page_tables import TableBuilder
from unidbg.config import Config
from unidbg.errors import ImageMismatch
from unidbg.program.finding import Named, find_modules
from unidbg.program.identity import alike, text_samples, verify
from unidbg.program.paging import NO_EXECUTE
from unidbg.program.placing import Clues, place
from unidbg.rsp.replies import parse_offsets


def source(seed: int) -> str:
    """Sixty functions whose constants depend on `seed`, all of the same size."""
    functions = "\n".join(
        f"int f{n}(int x) {{ for (int i = 0; i < x; i++) x ^= {(n + 300) * seed} + i; return x * {n + 3}; }}"
        for n in range(60)
    )
    return functions + "\nvoid _start(void) { for (;;) f1(f2(3)); }\n"


SOURCE = source(7919)
NO_ID = "-Wl,--build-id=none"


def image(flags: str = "", code: str = SOURCE) -> Image:
    return Image.open(compile_image(code, flags))


def test_by_build_id_in_memory() -> None:
    ours = image()
    assert verify(ours, 0, load(ours)) == "build-id"


def test_another_build_is_refused_with_both_ids() -> None:
    ours, theirs = image(), image(code=source(7927))
    memory = load(theirs)
    with pytest.raises(ImageMismatch) as caught:
        verify(ours, 0, memory)
    assert ours.build_id is not None
    assert ours.build_id.hex() in str(caught.value)
    assert "--image" in str(caught.value)
    assert caught.value.expected != caught.value.found


def test_without_an_id_by_text() -> None:
    ours = image(NO_ID)
    assert ours.build_id is None
    assert verify(ours, 0, load(ours)) == "text"
    theirs = image(NO_ID, source(7927))
    with pytest.raises(ImageMismatch, match="samples"):
        verify(ours, 0, load(theirs))


def test_breakpoints_are_no_difference() -> None:
    ours = image(NO_ID)
    memory = load(ours)
    for address, data in text_samples(ours):
        for offset in range(0, len(data), 9):
            memory.plant(address + offset, b"\xcc")
    assert verify(ours, 0, memory) == "text"


def test_memory_that_nothing_was_loaded_into() -> None:
    ours = image(NO_ID)
    memory = load(ours)
    for start, end in ours.text_ranges:
        memory.plant(start, bytes(end - start))
    with pytest.raises(ImageMismatch, match="nothing but zeros"):
        verify(ours, 0, memory)


def test_nothing_to_compare_with_is_unverified() -> None:
    assert verify(image(NO_ID), 0, FakeMemory()) == "unverified"


def test_a_relocated_kernel_is_found_by_its_code() -> None:
    ours = image(NO_ID)
    bias = 0x7FFF_0000_0000
    memory = load(ours, bias)
    memory.plant(0x10_0000, bytes(0x10_000))
    module = place(ours, memory, clues=at(0x666, ours.symbol("f47").address + 5 + bias))
    assert (module.bias, module.verified) == (bias, "text")
    assert "code at" in module.evidence
    assert module.locate(ours.symbol("f3").address + bias).symbol == "f3"


def test_a_kernel_moved_to_the_upper_half_has_a_bias_that_wraps() -> None:
    ours = image()
    bias = 0xFFFF_FFFF_8000_0000 - 0x10_0000
    module = place(ours, load(ours, bias), clues=at(ours.symbol("f9").address + bias + 2))
    assert module.run_address(0x10_0000) == 0xFFFF_FFFF_8000_0000
    assert module.verified == "build-id"


def at(*counters: int) -> Clues:
    """Threads of the guest are there."""
    return Clues(counters=lambda: counters)


def both(ours: Image, bias: int) -> FakeMemory:
    """A guest that moved itself, and left its physical copy mapped where it was linked."""
    memory = load(ours, bias)
    for segment in ours.segments:
        if segment.p_type == 1 and segment.filesz:
            memory.plant(segment.vaddr, ours.read(segment.vaddr, segment.filesz))
    return memory


def test_a_copy_at_the_linked_address_does_not_deceive() -> None:
    ours, bias = image(), 0x7F12_3460_0000
    memory = both(ours, bias)
    module = place(ours, memory, clues=at(ours.symbol("f3").address + bias))
    assert (module.bias, module.verified) == (bias, "build-id")
    assert place(ours, memory, clues=at(ours.symbol("f3").address)).bias == 0
    assert place(ours, memory).bias == 0
    assert place(ours, memory, clues=at(0xDEAD_0000)).bias == 0


def test_what_the_stub_says_is_believed_if_the_image_is_there() -> None:
    ours, bias = image(), 0x7F12_3460_0000
    memory = both(ours, bias)
    module = place(ours, memory, clues=Clues(told=lambda: bias))
    assert (module.bias, module.evidence) == (bias, "what the target says")
    assert place(ours, memory, clues=Clues(told=lambda: 0x5000_0000)).bias == 0


def test_page_tables_tell_where_threads_do_not() -> None:
    ours, bias = image(), 0x7F12_3460_0000
    target = FakeTarget(
        both(ours, bias), registers={"1": {"rip": 0xDEAD_0000, "cr0": 1 << 31, "efer": 0xD00}}
    )
    tables = TableBuilder(base=0x80_0000)
    for page in range(0x10_0000, 0x10_8000, 0x1000):
        tables.map(page, page, NO_EXECUTE)
        tables.map(page + bias, page, 0)
    target.fake_registers.values["1"]["cr3"] = tables.root
    target.physical = tables.memory()
    (module,) = find_modules(target, [Named(ours, None)], Config()).modules
    assert (module.bias, module.verified) == (bias, "build-id")
    assert "page tables" in module.evidence


@pytest.mark.parametrize(
    ("reply", "bias"),
    [
        (b"Text=200000;Data=200000;Bss=200000", 0x20_0000),
        (b"Text=ffffffffffe00000;Data=ffffffffffe00000", -0x20_0000),
        (b"Text=1000;Data=2000", None),
        (b"TextSeg=1000", None),
        (b"Text=;Data=", None),
        (b"", None),
        (b"E01", None),
    ],
)
def test_offsets(reply: bytes, bias: int | None) -> None:
    assert parse_offsets(reply) == bias


def test_a_given_bias_is_checked_and_nothing_else_tried() -> None:
    ours = image()
    memory = load(ours)
    memory.plant(0x20_0000, bytes(0x10_0000))
    assert place(ours, memory, bias=0).evidence == "given"
    with pytest.raises(ImageMismatch, match="0x100000"):
        place(ours, memory, bias=0x10_0000)


def test_alike_tolerates_a_patched_call_and_no_more() -> None:
    ours = bytes(range(128)) * 2
    assert alike(ours, ours[:10] + b"\x90\x90\x90\x90\x90" + ours[15:])
    assert not alike(ours, bytes(256))


def test_an_image_of_another_machine_is_refused() -> None:
    from unidbg.session import ImageSpec, Session

    guest = kernel()
    guest.target.architecture = "aarch64"
    with pytest.raises(ImageMismatch, match="aarch64"):
        Session.over(guest.target, images=[ImageSpec(guest.path)])

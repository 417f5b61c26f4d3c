"""Which image runs in the guest, and where."""

from __future__ import annotations

import pytest
from unidbg_symbols import Image

from tests.support.images import compile_image, load
from tests.support.kernel import kernel
from unidbg.errors import ImageMismatch
from unidbg.program.identity import alike, text_samples, verify
from unidbg.program.placing import place


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
    from tests.support.fake_target import FakeMemory

    assert verify(image(NO_ID), 0, FakeMemory()) == "unverified"


def test_a_relocated_kernel_is_found_by_its_code() -> None:
    ours = image(NO_ID)
    bias = 0x7FFF_0000_0000
    memory = load(ours, bias)
    memory.plant(0x10_0000, bytes(0x10_000))
    module = place(ours, memory, code_addresses=lambda: [0x666, ours.symbol("f47").address + 5 + bias])
    assert (module.bias, module.verified) == (bias, "text")
    assert "code at" in module.evidence
    assert module.locate(ours.symbol("f3").address + bias).symbol == "f3"


def test_a_kernel_moved_to_the_upper_half_has_a_bias_that_wraps() -> None:
    ours = image()
    bias = 0xFFFF_FFFF_8000_0000 - 0x10_0000
    module = place(ours, load(ours, bias), code_addresses=lambda: [ours.symbol("f9").address + bias + 2])
    assert module.run_address(0x10_0000) == 0xFFFF_FFFF_8000_0000
    assert module.verified == "build-id"


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

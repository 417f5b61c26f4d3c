"""Readable names: Rust's schemes against llvm-cxxfilt, C++ as far as cxxfilt is there."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unidbg_symbols.demangle import demangle
from unidbg_symbols.rust_v0 import NotMangled, demangle_v0

from tests.unit.symbols.builds import have, run
from tests.unit.symbols.test_languages import rust

V0 = {
    "_RNvC6_123foo3bar": "123foo::bar",
    "_RNvCs1234_7mycrate3foo": "mycrate::foo",
    "_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_": "cc::spawn::{closure#0}::{closure#0}",
    "_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3new": "<std::path::PathBuf>::new",
    "_RNvXs5_NtCsbmNqQUJIY6D_4core3cmphNtB5_3Ord3cmp": "<u8 as core::cmp::Ord>::cmp",
    "_RINvNtC3std3mem8align_ofjdE": "std::mem::align_of::<usize, f64>",
    "_RINvC3foo3barKj1f_E": "foo::bar::<31>",
    "_RINvC3foo3barKin1_E": "foo::bar::<-1>",
    "_RINvC3foo3barKb1_Kc41_KpE": "foo::bar::<true, 'A', _>",
    "_RINvC3foo3barThjEE": "foo::bar::<(u8, usize)>",
    "_RINvC3foo3barThEE": "foo::bar::<(u8,)>",
    "_RINvC3foo3barAhj4_SeRmQxPsOlE": "foo::bar::<[u8; 4], [str], &u32, &mut i64, *const i16, *mut i32>",
    "_RINvC3foo3barFUKChEtE": 'foo::bar::<unsafe extern "C" fn(u8) -> u16>',
    "_RINvC3foo3barFG_RL0_hEuE": "foo::bar::<for<'a> fn(&'a u8)>",
    "_RINvC3foo3barDNtC3std5ErrorEL_E": "foo::bar::<dyn std::Error>",
    "_RINvC3foo3barDINtC3std4IterhEp4ItemmEL_E": "foo::bar::<dyn std::Iter<u8, Item = u32>>",
    "_RNvC3foo3bar.llvm.12345": "foo::bar",
    "_RNvC3foo3bar.cold": "foo::bar (.cold)",
}


@pytest.mark.parametrize(("mangled", "readable"), V0.items())
def test_v0(mangled: str, readable: str) -> None:
    assert demangle(mangled) == readable


def test_punycode() -> None:
    assert demangle("_RNvC7mycrateu8gdel_5qa") == "mycrate::gödel"


@pytest.mark.skipif(not have("llvm-cxxfilt-14"), reason="no llvm-cxxfilt")
def test_v0_equals_llvm() -> None:
    names = [name for name in V0 if "." not in name]
    if have("rustc"):
        names += [symbol.name for symbol in rust("0").symbols() if symbol.name.startswith("_R")]
    shown = run(["llvm-cxxfilt-14"], "\n".join(names)).splitlines()
    assert [demangle(name) for name in names] == shown


@pytest.mark.parametrize(
    ("mangled", "readable"),
    [
        ("_ZN5enums6kernel4work17heaa80b56c660d3acE", "enums::kernel::work"),
        ("_ZN4core3ptr18real_drop_in_place17h0123456789abcdefE", "core::ptr::real_drop_in_place"),
        ("_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE",
         "<alloc::string::String as core::fmt::Display>::fmt"),
        ("_ZN3foo3bar17hnotahexnumberxxxE", None),
    ],
)  # fmt: skip
def test_the_older_scheme(mangled: str, readable: str | None) -> None:
    shown = demangle(mangled)
    assert shown == readable if readable else "hnotahex" in shown


def test_cxx_is_readable() -> None:
    pytest.importorskip("cxxfilt")
    assert demangle("_ZNK5space5shape4areaEv") == "space::shape::area() const"
    assert demangle("_ZN" + "1a" * 3000 + "Ev") == "_ZN" + "1a" * 3000 + "Ev"  # no such name was meant well


def test_without_cxxfilt_the_mangled_name_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cxxfilt", None)
    assert demangle("_ZNK5space6circle4areaEv") == "_ZNK5space6circle4areaEv"


@pytest.mark.parametrize(
    "name", ["main", "", "_", "_R", "_RNv", "_Zebra", "_RNvC", "_RB_", "_RNvB_3foo", "_ZN"]
)
def test_what_is_not_mangled_stays(name: str) -> None:
    assert demangle(name) == name


def test_back_references_do_not_explode() -> None:
    growing = "_RIC0" + "T" + "".join(f"TB{digit}_B{digit}_E" for digit in "2456789abcdef" * 6) + "EE"
    start = time.monotonic()
    assert demangle(growing) == growing
    assert time.monotonic() - start < 5
    assert demangle("_RNvC3foo3bar" * 1000).startswith("_RNvC3foo")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_symbol_has_a_readable_name(text: str) -> None:
    for prefix in ("_ZN", "_ZN3foo", "_R", ""):
        assert isinstance(demangle(prefix + text), str)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="RNvCMXYIBsGLKTEFDUASPOQ0123456789_abchju.", max_size=80))
def test_any_text_ends_in_a_name_or_is_refused(text: str) -> None:
    try:
        shown = demangle_v0("_R" + text)
    except NotMangled:
        return
    assert isinstance(shown, str)

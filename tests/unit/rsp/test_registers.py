"""Target descriptions, register layouts, and XML that does not mean well."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.errors import RemoteProtocolError
from unidbg.rsp.layouts import layout_for_size
from unidbg.rsp.registers import architecture_of, includes, parse_description, parse_g, parse_register
from unidbg.rsp.xml import MAX_DEPTH, MAX_DOCUMENT, XmlError, parse_xml

MAIN = (
    b"<target><architecture>i386:x86-64</architecture>"
    b'<xi:include href="core.xml"/><xi:include href="sys.xml"/></target>'
)
CORE = (
    b'<feature name="org.gnu.gdb.i386.core">'
    b'<flags id="e" size="4"><field name="CF" start="0" end="0"/></flags>'
    b'<reg name="rax" bitsize="64" type="int64"/><reg name="eflags" bitsize="32"/></feature>'
)
SYSTEM = (
    b'<feature name="org.unidbg.control"><reg name="cr3" bitsize="64" regnum="7"/>'
    b'<reg name="cr4" bitsize="64"/></feature>'
)
ANNEXES = {"core.xml": CORE, "sys.xml": SYSTEM}


def test_registers_come_from_annexes_in_the_order_of_their_numbers() -> None:
    layout = parse_description(MAIN, ANNEXES.get)
    assert layout.architecture == "x86_64"
    assert [(spec.name, spec.number, spec.size, spec.group) for spec in layout.registers] == [
        ("rax", 0, 8, "general"),
        ("eflags", 1, 4, "general"),
        ("cr3", 7, 8, "control"),
        ("cr4", 8, 8, "control"),
    ]
    assert includes(MAIN) == ["core.xml", "sys.xml"]
    assert layout.by_name["cr3"] is layout.by_number[7]
    assert (layout.size, layout.byte_order) == (28, "little")


def test_a_g_reply_marks_what_is_unavailable_and_may_end_early() -> None:
    """Pitfall 4: a register that is not known is `xx`, one that is not sent is not there."""
    layout = parse_description(MAIN, ANNEXES.get)
    assert parse_g(b"0100000000000000" + b"xxxxxxxx" + b"00100000", layout) == {"rax": 1, "eflags": None}
    assert parse_register(b"0010000000000000", layout) == 0x1000
    with pytest.raises(RemoteProtocolError):
        parse_register(b"zz", layout)


def test_an_annex_that_includes_itself_is_fetched_once() -> None:
    document = b'<target><include href="a.xml"/><reg name="r" bitsize="8"/></target>'
    fetched: list[str] = []

    def fetch(name: str) -> bytes:
        fetched.append(name)
        return document

    parse_description(document, fetch)
    assert fetched == ["a.xml"]


def test_a_missing_annex_is_left_out() -> None:
    assert parse_description(MAIN, lambda name: None).registers == ()


@pytest.mark.parametrize(
    "register", [b'bitsize="0"', b'bitsize="x"', b'bitsize="99999999"', b'bitsize="8" regnum="-1"']
)
def test_impossible_registers_are_refused(register: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_description(b'<target><reg name="r" ' + register + b"/></target>", ANNEXES.get)


def test_the_beginning_tells_the_architecture() -> None:
    assert architecture_of(MAIN[:70]) == "x86_64"
    assert architecture_of(b"<target><architecture>aarch64</architecture>") == "aarch64"
    assert architecture_of(b"<target>") == ""


def test_stubs_without_description_are_known_by_the_size_of_g() -> None:
    """Pitfall 3: Solo5 sends 276 bytes, QEMU 608."""
    solo5, qemu = layout_for_size(276), layout_for_size(608)
    assert solo5 is not None
    assert qemu is not None
    assert "xmm0" not in solo5.by_name
    assert "cr3" in qemu.by_name
    assert layout_for_size(277) is None


def test_xml_of_stubs() -> None:
    root = parse_xml(
        b'<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><!-- <x> -->'
        b"<t a='1&amp;2'>&#x41;<![CDATA[<b>]]><c/></t>"
    )
    assert (root.tag, root.attributes, root.text) == ("t", {"a": "1&2"}, "A<b>")
    assert [node.tag for node in root.all("c")] == ["c"]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"text",
        b"<a>",
        b"<a></b>",
        b"</a>",
        b"<a/><b/>",
        b"<a b=c/>",
        b"<a &b;/>",
        b"<a>&b;</a>",
        b"<a>&#99999999999;</a>",
        b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>',
        b"<a" + b"<a>" * 10,
        b"<!-- <a/>",
    ],
)
def test_xml_that_is_refused(document: bytes) -> None:
    with pytest.raises(XmlError):
        parse_xml(document)


def test_xml_that_is_too_much() -> None:
    with pytest.raises(XmlError, match="large"):
        parse_xml(b" " * (MAX_DOCUMENT + 1))
    with pytest.raises(XmlError, match="nested"):
        parse_xml(b"<a>" * (MAX_DEPTH + 2))


@pytest.mark.parametrize("unit", [b"<!--", b"<a ", b"<a", b"<a b", b"&", b"<![CDATA[", b" ", b"<a b='"])
def test_hostile_xml_takes_no_quadratic_time(unit: bytes) -> None:
    document = (b"<a " if unit == b" " else b"") + unit * (200_000 // len(unit))
    start = time.process_time()
    with pytest.raises(XmlError):
        parse_xml(document)
    assert time.process_time() - start < 2.0


@given(st.text(alphabet="<>/ab=\"'&;!-[]? #x1", max_size=60))
def test_any_xml_is_parsed_or_refused(text: str) -> None:
    try:
        parse_xml(text.encode())
    except XmlError:
        return

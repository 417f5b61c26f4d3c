"""Packed pages: what other packers made of one page, and what is damaged."""

from __future__ import annotations

import base64
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.target.dump.packing import UNPACKERS, unpack

PAGE = b"".join(
    (b"unikernel " * 40, bytes(range(256)) * 3, b"kernel uni" * 20, bytes(2000), b"the end")
).ljust(4096, b".")
PACKED = {
    "zlib": (1, zlib.compress(PAGE)),
    "lzo1x_1 of lzo 2.10": (2, base64.b85decode(
        "2X$^~Yh`k7Wo#fI0A?fr0P_F=0s{mE1_uZU3JVMk4i69!5)%{^78e*98XFuP9v>hfA|oUvCMPH<Dl054E-x@KGBY$aHa9pqI"
        "y*c)K0iP~LPJDFMn_0VN=r;lPESx#Qd3k_R##YAT3cLQUSD8gVq;`wW@l(=YHMt5Zf|gLa&vTbc6WGrdV73*et&?0f`f#GhK"
        "GoWii?bmj*pO$l9QB`mY0~Bnwy-Ro}ZwhqNAjxrl+W>s;jK6uCK7Mva__cwzs&sy1Tr+zQ4f1!o$SH#>dFX%FE2n&d<=%($m"
        "z{*4NnC+S}aS-rwNi;^XAy=I7|?>g(+7?(gvN^7Hid_V@Vt`uqI-{{H|00s{mf0NefpYh@s%F%keE000000002B000GaXk{Q"
        "}Ze%VX005l;0006mE-o%EE-o%EE-o%EE-o%EE-o$+000"
    )),
    "lzo1x_999 of lzo 2.10": (2, base64.b85decode(
        "8+C4JYh`k7Wo#fI0A?fr0PX+*0s{mE1_uZU3JVMk4i69!5)%{^78e*98XFuP9v>hfA|oUvCMPH<Dl054E-x@KGBY$aHa9pqI"
        "y*c)K0iP~LPJDFMn_0VN=r;lPESx#Qd3k_R##YAT3cLQUSD8gVq;`wW@l(=YHMt5Zf|gLa&vTbc6WGrdV73*et&?0f`f#GhK"
        "GoWii?bmj*pO$l9QB`mY0~Bnwy-Ro}ZwhqNAjxrl+W>s;jK6uCK7Mva__cwzs&sy1Tr+zQ4f1!o$SH#>dFX%FE2n&d<=%($m"
        "z{*4NnC+S}aS-rwNi;^XAy=I7|?>g(+7?(gvN^7Hid_V@Vt`uqI-{{J8V;QRw1r#TM*AOHXW00000wEzGGbZBKDWo~3HAOHZ"
        "d000pH00"
    )),
    "snappy 1.1.9": (4, base64.b85decode(
        "fFLAwZfR>}a&Bd8ApQyf{t5v83IP5J0R9R9{t5sI3iJg5009C61O)~M2nh-c3=Iws5D^j+6crX17#SKH9337XAR!_nBqb&%C"
        "@Cr{EG;fCFflSSG&MFiI5|2yJUu=?KtV!7L`6nNNJ&adOifNtP*GA-R8>}2SXo+ITwPvYU}0ioWMyV&XlZI|Y;A6DaB*^Tba"
        "i%jczJqze0_d@fPsR8goTEOh>41ejE#<ukdcy;l$Dm3n3<ZJoSmMZprN9pq@|{(sHv)}tgWuEu(7hUw6(UkxVgH!yuH4^z`?"
        "@9#Kp$P$jQpf%+1cv(9zP<)YaD4*xB0K+}+;a;Njxq<mKk)=;`X~?CtLF@bU8V^!4`l`1$(#{Qds_009C61O@&80sa61{r~~"
        "~00I600sa61{r~~y00I7u1pbW#{*45YjQ{}t0Ra910R900{s92~0Ra910R900{s92~0Ra910R900{s92~0Ra910R900{s92~"
        "0Ra910R900{s92~0Ra910R900{s92~0Ra910R900{s92~0Ra910R900IspJ2bZBKDWo~3H{s92~0Ra910R900{s92~0Ra910"
        "R900{s92~0Ra9106qZ#"
    )),
    "unpacked": (0, PAGE),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKED)
def test_a_page_comes_out_as_it_went_in(name: str) -> None:
    flags, packed = PACKED[name]
    assert unpack(packed, flags, 4096) == PAGE


def test_zstd_needs_its_package() -> None:
    package = pytest.importorskip("zstandard")
    assert unpack(package.ZstdCompressor().compress(PAGE), 0x20, 4096) == PAGE
    with pytest.raises(ValueError, match="unknown way"):
        unpack(PAGE, 0x21, 4096)


@given(st.sampled_from(sorted(UNPACKERS)), st.binary(max_size=400), st.sampled_from([64, 4096]))
def test_any_bytes_are_a_page_or_damaged(flags: int, raw: bytes, size: int) -> None:
    if flags == 0x20:
        pytest.importorskip("zstandard")
    with suppress(ValueError):
        assert len(unpack(raw, flags, size)) == size


@given(st.sampled_from([1, 2, 4]), st.integers(0, 300), st.integers(0, 255))
def test_a_flipped_byte_is_a_page_or_damaged(flags: int, at: int, value: int) -> None:
    packed = bytearray(next(data for kind, data in PACKED.values() if kind == flags))
    packed[at % len(packed)] = value
    with suppress(ValueError):
        assert len(unpack(bytes(packed), flags, 4096)) == 4096

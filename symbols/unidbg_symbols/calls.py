"""Whether a call returns to a code address, and what it called: the instruction before the address tells."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.image import Image

_LONGEST_CALL = 8


def follows_call(image: Image, address: int) -> bool:
    """True where the instruction before a link address is a call."""
    start = next((low for low, high in image.text_ranges if low < address <= high), None)
    if start is None:
        return False
    length = min(_LONGEST_CALL, address - start)
    code = image.read(address - length, length)
    if image.machine in ("x86_64", "i386"):
        return _x86(code)
    return image.machine == "aarch64" and len(code) >= 4 and _aarch64(int.from_bytes(code[-4:], "little"))


def direct_target(image: Image, address: int) -> int | None:
    """The link address that the call before a link address names; None where it went through a pointer."""
    start = next((low for low, high in image.text_ranges if low < address <= high), address)
    code = image.read(address - min(5, address - start), min(5, address - start))
    if image.machine in ("x86_64", "i386") and len(code) == 5 and code[0] == 0xE8:
        return address + int.from_bytes(code[1:], "little", signed=True) & (1 << image.bits) - 1
    if image.machine == "aarch64" and len(code) >= 4 and code[-1] >> 2 == 0x25:
        distance = int.from_bytes(code[-4:], "little") & (1 << 26) - 1
        return address - 4 + 4 * (distance - (distance >> 25 << 26)) & (1 << 64) - 1
    return None


def _x86(code: bytes) -> bool:
    """E8 and 4 bytes; or FF with 2 in the middle of its ModRM byte, and an operand."""
    if len(code) >= 5 and code[-5] == 0xE8:
        return True
    lengths = [length for length in (2, 3, 4, 6, 7) if length <= len(code) and code[-length] == 0xFF]
    return any(code[1 - length] >> 3 & 7 == 2 and _fits(code, length) for length in lengths)


def _fits(code: bytes, length: int) -> bool:
    """Whether an FF /2 instruction with this ModRM byte is `length` bytes long."""
    modrm = code[1 - length]
    mode, register = modrm >> 6, modrm & 7
    has_sib = mode != 3 and register == 4
    displacement = {0: 4 if register == 5 else 0, 1: 1, 2: 4, 3: 0}[mode]
    if mode == 0 and has_sib and length == 7 and code[2 - length] & 7 == 5:
        displacement = 4
    return length == 2 + has_sib + displacement


def _aarch64(instruction: int) -> bool:
    """BL, BLR, and BLR with pointer authentication."""
    if instruction >> 26 == 0x25 or instruction & 0xFFFFFC1F == 0xD63F0000:
        return True
    return instruction & 0xFEFFF800 == 0xD63F0800

"""The header of a line program: which files it speaks of (DWARF 5, section 6.2.4; DWARF 4, section 6.2.4)."""

from __future__ import annotations

from unidbg_symbols.damage import damaged, parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.forms import read_form
from unidbg_symbols.dwarf.leb import uleb
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from unidbg_symbols.dwarf.forms import Value
    from unidbg_symbols.dwarf.unit import Unit

_DW_LNCT_path, _DW_LNCT_directory_index = 1, 2
_MOST_ENTRIES = 1 << 20


class LineHeader(Record):
    """A parsed header. `files` are whole paths, indexed as the program does it."""

    __slots__ = (
        "version", "program", "end", "files", "address_size", "minimum_instruction_length",
        "maximum_operations", "default_is_stmt", "line_base", "line_range", "opcode_lengths",
    )  # fmt: skip

    def __init__(
        self,
        version: int,
        program: int,
        end: int,
        files: tuple[str, ...],
        fields: tuple[int, ...],
        lengths: bytes,
    ) -> None:
        self.version: Final = version
        self.program: Final = program
        self.end: Final = end
        self.files: Final = files
        self.address_size: Final = fields[0]
        self.minimum_instruction_length: Final = fields[1]
        self.maximum_operations: Final = fields[2]
        self.default_is_stmt: Final = bool(fields[3])
        self.line_base: Final = fields[4] - 256 if fields[4] > 127 else fields[4]
        self.line_range: Final = fields[5]
        self.opcode_lengths: Final = lengths


def line_header(unit: Unit) -> LineHeader | None:
    """The header of the unit's line program, None where it has none. Kept by the image."""
    if unit.skeleton is not None and not unit.dwarf.data(".debug_line"):
        unit = unit.skeleton
    elif c.DW_AT_stmt_list not in unit.root and unit.skeleton is None:
        return None
    offset = unit.root.uint(c.DW_AT_stmt_list)
    kept = unit.dwarf.line_headers
    key = (offset, unit.root.text(c.DW_AT_comp_dir))
    if key not in kept:
        with parsing(f"the line table at {offset:#x}", unit.dwarf.path):
            kept[key] = _parse(unit, unit.dwarf.data(".debug_line"), offset)
    return kept[key]


def file_names(unit: Unit) -> tuple[str, ...]:
    """The files of a unit, indexed as DW_AT_decl_file does."""
    header = line_header(unit)
    return header.files if header else ()


def _parse(unit: Unit, data: bytes, offset: int) -> LineHeader:
    length, at, offset_size = int(unit.u32(data, offset)[0]), offset + 4, 4
    if length == 0xFFFFFFFF:
        length, at, offset_size = int(unit.u64(data, at)[0]), at + 8, 8
    end = at + length
    version = int(unit.u16(data, at)[0])
    if end > len(data) or not 2 <= version <= 5:
        raise damaged(f"the line table at {offset:#x}", f"version {version}", path=unit.dwarf.path)
    at += 2
    address_size = unit.address_size
    if version >= 5:
        address_size = data[at]
        at += 2
    program = at + offset_size + int((unit.u32 if offset_size == 4 else unit.u64)(data, at)[0])
    at += offset_size
    minimum, at = data[at], at + 1
    maximum, at = (data[at], at + 1) if version >= 4 else (1, at)
    default_is_stmt, line_base, line_range, opcode_base = data[at : at + 4]
    at += 4
    opcode_base = max(opcode_base, 1)
    lengths = data[at : at + opcode_base - 1]
    at += opcode_base - 1
    tables = _Tables(unit, data, min(program, end))
    files = tables.version5(at, offset_size) if version >= 5 else tables.version2(at)
    fields = (address_size, minimum, maximum, default_is_stmt, line_base, line_range)
    return LineHeader(version, program, end, files, fields, lengths)


class _Tables:
    """Directory and file tables, joined to whole paths."""

    def __init__(self, unit: Unit, data: bytes, end: int) -> None:
        self._unit = unit
        self._data = data
        self._end = end

    def version2(self, at: int) -> tuple[str, ...]:
        """DWARF 2 to 4: strings in place; file 0 is the unit itself, directory 0 where it was compiled."""
        root = self._unit.root
        directory = root.text(c.DW_AT_comp_dir)
        directories = [directory]
        while self._data[at]:
            text, at = self._string(at)
            directories.append(join(directory, text))
        at += 1
        files = [join(directory, root.name)]
        while at < self._end and self._data[at]:
            text, at = self._string(at)
            number, at = uleb(self._data, at)
            at = uleb(self._data, uleb(self._data, at)[1])[1]
            files.append(join(directories[number] if number < len(directories) else "", text))
        return tuple(files)

    def _string(self, at: int) -> tuple[str, int]:
        end = self._data.index(0, at, self._end)
        return self._data[at:end].decode("utf-8", "backslashreplace"), end + 1

    def version5(self, at: int, offset_size: int) -> tuple[str, ...]:
        """DWARF 5: entries described by a format, strings mostly in .debug_line_str."""
        entries, at = self._entries(at, offset_size)
        compiled_in = self._unit.root.text(c.DW_AT_comp_dir)
        directories = [join(compiled_in, text) for text, _ in entries]
        entries, at = self._entries(at, offset_size)
        return tuple(join(directories[n] if n < len(directories) else "", text) for text, n in entries)

    def _entries(self, at: int, offset_size: int) -> tuple[list[tuple[str, int]], int]:
        """([(path, directory index)], offset after the table)."""
        described = []
        pairs, at = self._data[at], at + 1
        for _ in range(pairs):
            content, at = uleb(self._data, at)
            form, at = uleb(self._data, at)
            described.append((content, form))
        count, at = uleb(self._data, at)
        if count > _MOST_ENTRIES or (count and not described):
            raise LookupError(f"{count} entries")
        found: list[tuple[str, int]] = []
        for _ in range(count):
            text, directory = "", 0
            for content, form in described:
                value, at = self._value(at, form, offset_size)
                if content == _DW_LNCT_path:
                    text = self._text(form, value)
                elif content == _DW_LNCT_directory_index and isinstance(value, int):
                    directory = value
            found.append((text, directory))
        return found, at

    def _value(self, at: int, form: int, offset_size: int) -> tuple[Value, int]:
        if at > self._end:
            raise LookupError("an entry past the header")
        if form in _OFFSETS and offset_size != self._unit.offset_size:
            unpack = self._unit.u32 if offset_size == 4 else self._unit.u64
            return int(unpack(self._data, at)[0]), at + offset_size
        _, value, at = read_form(self._unit, self._data, at, form, 0)
        return value, at

    def _text(self, form: int, value: Value) -> str:
        if isinstance(value, bytes):
            return value.decode("utf-8", "backslashreplace")
        if form == c.DW_FORM_line_strp:
            return self._unit.dwarf.string(value, ".debug_line_str")
        if form == c.DW_FORM_strp:
            return self._unit.dwarf.string(value)
        return self._unit.dwarf.indexed_string(self._unit, value)


_OFFSETS = frozenset({c.DW_FORM_strp, c.DW_FORM_line_strp, c.DW_FORM_sec_offset})


def join(directory: str, path: str) -> str:
    """A path below a directory, unless it is absolute (as Unix or Windows has it)."""
    if not directory or path.startswith("/") or path[1:3] in (":\\", ":/"):
        return path
    return f"{directory.rstrip('/')}/{path}" if path else directory

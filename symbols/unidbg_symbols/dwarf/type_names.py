"""How a user spells a type: `struct foo`, `unsigned long`, `const char *[4]`, `space::thing`."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.errors import TypeNotFound
from unidbg_symbols.record import Record
from unidbg_symbols.scoped import split_scopes
from unidbg_symbols.types import ArrayType, BoolType, CharType, FloatType, IntType, PointerType, QualifiedType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from unidbg_symbols.types import Type

_KEYWORDS = {
    "struct": frozenset({c.DW_TAG_structure_type, c.DW_TAG_class_type}),
    "class": frozenset({c.DW_TAG_structure_type, c.DW_TAG_class_type}),
    "union": frozenset({c.DW_TAG_union_type}),
    "enum": frozenset({c.DW_TAG_enumeration_type}),
}
ORDINARY_TAGS = frozenset(
    {
        c.DW_TAG_typedef, c.DW_TAG_base_type, c.DW_TAG_unspecified_type, c.DW_TAG_template_alias,
        c.DW_TAG_subrange_type,
    }
)  # fmt: skip
TAGGED_TAGS = frozenset({c.DW_TAG_interface_type, c.DW_TAG_set_type}).union(*_KEYWORDS.values())
_QUALIFIERS = frozenset({"const", "volatile", "restrict", "_Atomic"})
_BASE_WORDS = frozenset({"unsigned", "signed", "long", "short", "int", "char", "double"})
_MOST_ELEMENTS = 1 << 40

# Canonical words -> (spellings of gcc and clang, size on LP64, size on ILP32, signed)
_INTEGERS = {
    ("char",): (("char",), 1, 1, True),
    ("char", "signed"): (("signed char",), 1, 1, True),
    ("char", "unsigned"): (("unsigned char",), 1, 1, False),
    ("short",): (("short int", "short"), 2, 2, True),
    ("short", "unsigned"): (("short unsigned int", "unsigned short"), 2, 2, False),
    (): (("int",), 4, 4, True),
    ("unsigned",): (("unsigned int",), 4, 4, False),
    ("long",): (("long int", "long"), 8, 4, True),
    ("long", "unsigned"): (("long unsigned int", "unsigned long"), 8, 4, False),
    ("long", "long"): (("long long int", "long long"), 8, 8, True),
    ("long", "long", "unsigned"): (("long long unsigned int", "unsigned long long"), 8, 8, False),
}


class Spelling(Record):
    """A parsed spelling. `suffixes` apply in order: `*`, `&`, `&&`, a qualifier, a count of elements."""

    __slots__ = ("tags", "scopes", "names", "qualifiers", "suffixes", "fallback")

    def __init__(
        self,
        tags: frozenset[int] | None,
        scopes: tuple[str, ...],
        names: tuple[str, ...],
        qualifiers: tuple[str, ...],
        suffixes: tuple[str | int | None, ...],
        fallback: Type | None,
    ) -> None:
        self.tags: Final = tags  # None: no keyword was given
        self.scopes: Final = scopes
        self.names: Final = names  # alternatives: compilers spell base types differently
        self.qualifiers: Final = qualifiers
        self.suffixes: Final = suffixes
        self.fallback: Final = fallback  # what C says, for a base type that the image does not describe


def parse_spelling(text: str, bits: int) -> Spelling:
    """Take a spelling apart; TypeNotFound when it is none."""
    core, suffixes = _cut_suffixes(" ".join(text.split()), text)
    words = core.split(" ")
    qualifiers: list[str] = []
    tags = None
    while len(words) > 1 and (words[0] in _QUALIFIERS or words[0] in _KEYWORDS):
        word = words.pop(0)
        if word in _QUALIFIERS:
            qualifiers.append(word)
        else:
            tags = _KEYWORDS[word]
    if not words[0]:
        raise TypeNotFound(f"{text!r} is not a type; write `struct NAME`, `NAME`, `NAME *`", name=text)
    base = _base_type(words, bits) if tags is None else None
    if base is not None:
        return Spelling(ORDINARY_TAGS, (), base[0], tuple(qualifiers), suffixes, base[1])
    *scopes, name = split_scopes(" ".join(words))
    return Spelling(tags, tuple(scopes), (name,), tuple(qualifiers), suffixes, None)


def _cut_suffixes(core: str, text: str) -> tuple[str, tuple[str | int | None, ...]]:
    """(what is left, suffixes in the order in which they apply)."""
    suffixes: list[str | int | None] = []
    counts: list[int | None] = []
    while True:
        core = core.rstrip()
        qualifier = _last_qualifier(core)
        if core.endswith("]"):
            core, _, count = core[:-1].rpartition("[")
            counts.append(_element_count(count, text))
        elif core.endswith("&&"):
            core = core[:-2]
            suffixes.append("&&")
        elif core.endswith(("*", "&")):
            suffixes.append(core[-1])
            core = core[:-1]
        elif qualifier:
            suffixes.append(qualifier)
            core = core[: -len(qualifier)]
        else:
            break
    # The leftmost count is the outermost array, so the counts apply from the right to the left.
    return core, (*reversed(suffixes), *counts)


def _last_qualifier(core: str) -> str:
    """The qualifier at the end of a spelling, after a `*` or a blank; or nothing."""
    return next((q for q in _QUALIFIERS if core.endswith(q) and core[: -len(q)].endswith((" ", "*"))), "")


def _element_count(text: str, spelling: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    try:
        count = int(text, 0)
    except ValueError:
        count = -1
    if not 0 <= count <= _MOST_ELEMENTS:
        raise TypeNotFound(f"{spelling!r}: {text!r} is no number of elements", name=spelling)
    return count


def _base_type(words: list[str], bits: int) -> tuple[tuple[str, ...], Type] | None:
    """(spellings, C's own idea) of a base type written in words, in whatever order."""
    if not _BASE_WORDS.issuperset(words):
        wide = {"float": 4, "_Bool": 1, "bool": 1}.get(words[0], 0) if len(words) == 1 else 0
        if not wide:
            return None
        return (words[0],), (FloatType(words[0], wide) if words[0] == "float" else BoolType(words[0], wide))
    if "double" in words:
        name = " ".join(sorted(words, reverse=True))
        return (name,), FloatType(name, 8 if len(words) == 1 else 16)
    kept = sorted(word for word in words if word != "int" and (word != "signed" or "char" in words))
    found = _INTEGERS.get(tuple(kept))
    if found is None:
        return None
    names, wide_size, narrow_size, signed = found
    size = wide_size if bits == 64 else narrow_size
    if "char" in kept:
        encoding = c.DW_ATE_signed_char if signed else c.DW_ATE_unsigned_char
        return names, CharType(names[0], size, signed, encoding)
    return names, IntType(names[0], size, signed, c.DW_ATE_signed if signed else c.DW_ATE_unsigned)


def decorate(type_: Type, spelling: Spelling, pointer_size: int) -> Type:
    """Apply the qualifiers and suffixes of a spelling to the type that it names."""
    for qualifier in reversed(spelling.qualifiers):
        type_ = QualifiedType(qualifier, type_)
    for suffix in spelling.suffixes:
        if suffix is None or isinstance(suffix, int):
            type_ = ArrayType(type_, suffix)
        elif suffix in _QUALIFIERS:
            type_ = QualifiedType(suffix, type_)
        else:
            type_ = PointerType(type_, pointer_size, suffix)
    return type_

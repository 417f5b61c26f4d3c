"""Types from DIEs. Each DIE is built once; what it refers to is built when somebody looks."""

from __future__ import annotations

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.members import read_body
from unidbg_symbols.dwarf.names import bare_name, elaborated, qualified_name, scopes_of
from unidbg_symbols.types import (
    ArrayType,
    BoolType,
    CharType,
    EnumType,
    FloatType,
    FunctionType,
    IntType,
    OpaqueType,
    PointerType,
    QualifiedType,
    StructBody,
    StructType,
    Type,
    TypedefType,
    VoidType,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.unit import Unit
    from unidbg_symbols.type_base import Later

_KINDS = {
    c.DW_TAG_structure_type: "struct",
    c.DW_TAG_union_type: "union",
    c.DW_TAG_class_type: "class",
    c.DW_TAG_interface_type: "class",
}
_QUALIFIERS = {
    c.DW_TAG_const_type: "const",
    c.DW_TAG_volatile_type: "volatile",
    c.DW_TAG_restrict_type: "restrict",
    c.DW_TAG_atomic_type: "_Atomic",
    c.DW_TAG_immutable_type: "const",
}
_TRANSPARENT = frozenset({c.DW_TAG_shared_type, c.DW_TAG_packed_type})
_SIGILS = {c.DW_TAG_pointer_type: "*", c.DW_TAG_reference_type: "&", c.DW_TAG_rvalue_reference_type: "&&"}
_INTEGERS = {
    c.DW_ATE_signed: True,
    c.DW_ATE_unsigned: False,
    c.DW_ATE_address: False,
}
_CHARACTERS = {
    c.DW_ATE_signed_char: True,
    c.DW_ATE_unsigned_char: False,
    c.DW_ATE_UTF: False,
    c.DW_ATE_UCS: False,
    c.DW_ATE_ASCII: False,
}
_FLOATS = frozenset({c.DW_ATE_float, c.DW_ATE_decimal_float, c.DW_ATE_imaginary_float})
_DIMENSIONS_AT_MOST = 64


class TypeBuilder:
    """Builds and keeps the types of one image. `find_definition` looks for a struct that is only declared."""

    def __init__(self, dwarf: Dwarf, find_definition: Callable[[Die], Die | None]) -> None:
        self._dwarf = dwarf
        self._find_definition = find_definition
        self._built: dict[tuple[Dwarf, str, int], Type] = {}
        self.void = VoidType()

    def type_at(self, unit: Unit, offset: int) -> Type:
        """The type that the DIE at an offset describes."""
        key = (unit.dwarf, unit.section, offset)
        found = self._built.get(key)
        if found is None:
            found = self._built[key] = self.build(read_die(unit, offset))
        return found

    def type_of(self, die: Die) -> Type:
        """The type that DW_AT_type of a DIE names; void where there is none."""
        with parsing(f"the type of the entry at {die.offset:#x}", self._dwarf.path):
            for each in die.origins():
                if c.DW_AT_type in each:
                    target = each.reference(c.DW_AT_type)
                    return self.type_at(*target) if target else OpaqueType("<unknown>", 0)
        return self.void

    def later(self, die: Die) -> Later:
        """`type_of`, when it is needed."""
        return lambda: self.type_of(die)

    def build(self, die: Die) -> Type:
        """A type from its DIE."""
        tag = die.tag
        if c.DW_AT_signature in die:
            whole = die.referred(c.DW_AT_signature)
            if whole is not None and c.DW_AT_signature not in whole:
                return self.type_at(whole.unit, whole.offset)
        if tag in _KINDS:
            return self._struct(die)
        if tag in _QUALIFIERS:
            return QualifiedType(_QUALIFIERS[tag], self.later(die))
        if tag in _SIGILS:
            size = die.size(c.DW_AT_byte_size, die.unit.address_size)
            return PointerType(self.later(die), size, _SIGILS[tag], die.name)
        builder = _BUILDERS.get(tag)
        return (
            builder(self, die)
            if builder
            else OpaqueType(die.name or "<unknown>", die.size(c.DW_AT_byte_size))
        )

    # Structures

    def _struct(self, die: Die) -> StructType:
        kind = _KINDS[die.tag]
        tag = bare_name(die)
        return StructType(
            kind, tag, self._spelled(die, kind), lambda: self._body(die), lambda: self._place(die)
        )

    def _spelled(self, die: Die, keyword: str) -> str:
        """The name of a struct or enum, with its keyword or its scopes, as the language wants it."""
        if elaborated(die.unit):
            return f"{keyword} {bare_name(die) or '{...}'}"
        return "::".join([*scopes_of(die), bare_name(die) or f"{keyword} {{...}}"])

    def _body(self, die: Die) -> StructBody | None:
        definition = self._defined(die)
        return None if definition is None else read_body(self, definition)

    def _defined(self, die: Die) -> Die | None:
        """The DIE that says what is inside: another unit's if this one only declares."""
        return self._find_definition(die) if die.flag(c.DW_AT_declaration) else die

    def _place(self, die: Die) -> tuple[str, int]:
        from unidbg_symbols.dwarf.places import declared_at

        return declared_at(self._defined(die) or die)

    # The rest

    def _base(self, die: Die) -> Type:
        name, size = die.name, die.size(c.DW_AT_byte_size)
        encoding = die.uint(c.DW_AT_encoding)
        if encoding in _INTEGERS:
            return IntType(name, size, _INTEGERS[encoding], encoding)
        if encoding in _CHARACTERS:
            return CharType(name, size, _CHARACTERS[encoding], encoding)
        if encoding == c.DW_ATE_boolean:
            return BoolType(name, size)
        if encoding in _FLOATS:
            return FloatType(name, size)
        if encoding == c.DW_ATE_complex_float:
            return FloatType(name, size, complex=True)
        return OpaqueType(name, size)

    def _typedef(self, die: Die) -> Type:
        return TypedefType(qualified_name(die), self.later(die))

    def _transparent(self, die: Die) -> Type:
        return TypedefType(die.name or self.type_of(die).name, self.later(die))

    def _array(self, die: Die) -> Type:
        counts = [_count(child) for child in die.children() if child.tag in _DIMENSIONS][:_DIMENSIONS_AT_MOST]
        element: Type | Later = self.later(die)
        for count in reversed(counts[1:]):
            element = ArrayType(element, count)
        size = die.size(c.DW_AT_byte_size) if c.DW_AT_byte_size in die else None
        return ArrayType(element, counts[0] if counts else None, size)

    def _enum(self, die: Die) -> Type:
        name = self._spelled(die, "enum")
        die = self._defined(die) or die
        base = self.type_of(die)
        size = die.size(c.DW_AT_byte_size) or base.size
        enumerators = _enumerators(die)
        signed = base.signed if isinstance(base, IntType) else any(value < 0 for _, value in enumerators)
        return EnumType(die.name, name, size, signed, enumerators)

    def _function(self, die: Die) -> Type:
        variadic = any(child.tag == c.DW_TAG_unspecified_parameters for child in die.children())
        return FunctionType(self.later(die), lambda: self._parameters(die), variadic)

    def _parameters(self, die: Die) -> tuple[Type, ...]:
        found = (child for child in die.children() if child.tag == c.DW_TAG_formal_parameter)
        return tuple(self.type_of(child) for child in found)

    def _unspecified(self, die: Die) -> Type:
        return VoidType(die.name or "void", die.size(c.DW_AT_byte_size))

    def _member_pointer(self, die: Die) -> Type:
        pointed = self.type_of(die)
        words = 2 if isinstance(pointed, FunctionType) else 1
        size = die.size(c.DW_AT_byte_size, words * die.unit.address_size)
        return OpaqueType(f"{pointed.name} ::*", size)

    def _subrange(self, die: Die) -> Type:
        base = self.type_of(die)
        return TypedefType(die.name or base.name, base)


_DIMENSIONS = frozenset({c.DW_TAG_subrange_type, c.DW_TAG_enumeration_type})
_BUILDERS = {
    c.DW_TAG_base_type: TypeBuilder._base,
    c.DW_TAG_typedef: TypeBuilder._typedef,
    c.DW_TAG_template_alias: TypeBuilder._typedef,
    c.DW_TAG_array_type: TypeBuilder._array,
    c.DW_TAG_enumeration_type: TypeBuilder._enum,
    c.DW_TAG_subroutine_type: TypeBuilder._function,
    c.DW_TAG_subprogram: TypeBuilder._function,
    c.DW_TAG_unspecified_type: TypeBuilder._unspecified,
    c.DW_TAG_ptr_to_member_type: TypeBuilder._member_pointer,
    c.DW_TAG_subrange_type: TypeBuilder._subrange,
    c.DW_TAG_shared_type: TypeBuilder._transparent,
    c.DW_TAG_packed_type: TypeBuilder._transparent,
}
TYPE_TAGS = frozenset({*_KINDS, *_QUALIFIERS, *_SIGILS, *_BUILDERS}) - {c.DW_TAG_subprogram}


def _count(die: Die) -> int | None:
    """Elements of one dimension; None where the compiler does not know it."""
    if c.DW_AT_count in die:
        value = die.attributes[c.DW_AT_count][1]
        return value if isinstance(value, int) and _is_constant(die, c.DW_AT_count) else None
    if c.DW_AT_upper_bound not in die or not _is_constant(die, c.DW_AT_upper_bound):
        return None
    count = die.uint(c.DW_AT_upper_bound) - die.uint(c.DW_AT_lower_bound) + 1
    # The upper bound of an array of no elements is -1, whatever the width of the form.
    return 0 if count in _NO_ELEMENTS or count < 0 else count


_NO_ELEMENTS = frozenset({1 << 32, 1 << 64})


def _is_constant(die: Die, attribute: int) -> bool:
    form = die.form(attribute)
    return form not in (c.DW_FORM_exprloc, c.DW_FORM_block1) and die.reference(attribute) is None


def _enumerators(die: Die) -> tuple[tuple[str, int], ...]:
    found = (child for child in die.children() if child.tag == c.DW_TAG_enumerator)
    return tuple((child.name, child.uint(c.DW_AT_const_value)) for child in found)

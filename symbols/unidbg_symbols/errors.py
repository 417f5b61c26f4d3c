"""The root of all errors of unidbg, and those that an image can cause.

Every message says what to do next. Data of the error is kept as attributes.
"""


class UnidbgError(Exception):
    """Root of every error that unidbg raises on purpose; the CLI maps it to exit code 2."""


class SymbolError(UnidbgError):
    """An image cannot answer."""


class SymbolNotFound(SymbolError):
    """No symbol or variable of that name (`name`); `nearest` holds close names."""

    def __init__(self, message: str, *, name: str = "", nearest: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.nearest = nearest


class TypeNotFound(SymbolError):
    """No type of that name (`name`); `nearest` holds close names."""

    def __init__(self, message: str, *, name: str = "", nearest: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.nearest = nearest


class NoDebugInfo(SymbolError):
    """The image has no symbols, or no DWARF for what was asked."""


class ImageError(SymbolError):
    """The file is not an ELF image, or is damaged (`path`)."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class ImageMismatch(SymbolError):
    """The image is not the one that runs in the guest (`path`, `expected`, `found`)."""

    def __init__(self, message: str, *, path: str = "", expected: str = "", found: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.expected = expected
        self.found = found

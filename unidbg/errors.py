"""The errors of unidbg. Guest corruption is never one of them: it becomes a `Fault` in a view."""

from unidbg_symbols.errors import (
    ImageError,
    ImageMismatch,
    NoDebugInfo,
    SymbolError,
    SymbolNotFound,
    TypeNotFound,
    UnidbgError,
)

__all__ = [
    "AnotherClient",
    "ConfigError",
    "DumpError",
    "ImageError",
    "ImageMismatch",
    "LocalProtocolError",
    "MemoryFault",
    "NoDebugInfo",
    "ProtocolError",
    "RegisterUnavailable",
    "RemoteProtocolError",
    "SymbolError",
    "SymbolNotFound",
    "TargetError",
    "TargetGone",
    "TargetRunning",
    "TargetTimeout",
    "TypeNotFound",
    "UnidbgError",
]


class ConfigError(UnidbgError):
    """A configuration file or an option is wrong; the message names the file and the key."""


class ProtocolError(UnidbgError):
    """The RSP conversation broke."""


class LocalProtocolError(ProtocolError):
    """We were asked to send what the protocol does not allow."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what the protocol does not allow (`data`: the first bytes of it)."""

    def __init__(self, message: str, *, data: bytes = b"") -> None:
        super().__init__(message)
        self.data = data


class TargetError(UnidbgError):
    """A target cannot answer."""


class MemoryFault(TargetError):
    """Memory that cannot be read or written: `address` is the first bad byte, `length` what was asked."""

    def __init__(self, address: int, length: int, reason: str = "not mapped") -> None:
        super().__init__(f"memory at {address:#x} ({length} bytes): {reason}")
        self.address = address
        self.length = length
        self.reason = reason


class RegisterUnavailable(TargetError):
    """The target has no value for register `name`; `all`: for none at all."""

    def __init__(self, name: str, reason: str = "the target does not provide it") -> None:
        super().__init__(reason if name == "all" else f"register {name}: {reason}")
        self.name = name
        self.reason = reason


class DumpError(TargetError):
    """A file is no dump that we know, or damaged so that nothing of it can be read (`path`)."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class TargetRunning(TargetError):
    """The operation needs a stopped guest."""


class TargetGone(TargetError):
    """The guest or the line to it is gone (closed, refused, ended)."""


class TargetTimeout(TargetError):
    """The peer did not answer in time."""


class AnotherClient(TargetError):
    """The line is held by another client (`pid` where we know it)."""

    def __init__(self, message: str, *, pid: int | None = None) -> None:
        super().__init__(message)
        self.pid = pid

"""unidbg, the unikernel debugger."""

__version__ = "0.1.0"

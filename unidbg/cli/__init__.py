"""The command line."""


def main() -> None:
    """Entry point of the `unidbg` command."""

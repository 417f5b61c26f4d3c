"""The Textual user interface of unidbg."""

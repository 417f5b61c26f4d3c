"""A last will is done when nobody else did it, and not otherwise."""

from __future__ import annotations

import socket

from unidbg.transport.lastwill import LastWill


def test_what_failed_is_done_at_once_and_only_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        will = LastWill("printf done >&3", ours.fileno())
        will.fulfil()
        assert theirs.recv(16) == b"done"
        will.fulfil()
        will.revoke()
        ours.close()
        assert theirs.recv(16) == b""


def test_what_was_done_is_not_done_again() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        LastWill("printf done >&3", ours.fileno()).revoke()
        ours.close()
        assert theirs.recv(16) == b""

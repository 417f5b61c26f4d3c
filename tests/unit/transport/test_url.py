"""The forms of TARGET."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.errors import ConfigError
from unidbg.transport.url import (
    ExecAddress,
    GuestName,
    QmpAddress,
    SerialAddress,
    TcpAddress,
    UnixAddress,
    parse_url,
)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("localhost:1234", TcpAddress("localhost", 1234)),
        (":1234", TcpAddress("localhost", 1234)),
        ("tcp:host:1", TcpAddress("host", 1)),
        ("tcp://10.0.0.1:65535", TcpAddress("10.0.0.1", 65535)),
        ("[::1]:1234", TcpAddress("::1", 1234)),
        ("[fe80::1%eth0]:5", TcpAddress("fe80::1%eth0", 5)),
        ("unix:/run/a b.sock", UnixAddress("/run/a b.sock")),
        ("serial:/dev/ttyS0", SerialAddress("/dev/ttyS0", 115200)),
        ("serial:/dev/ttyS0,9600", SerialAddress("/dev/ttyS0", 9600)),
        ("exec:ssh host socat - unix:/x", ExecAddress("ssh host socat - unix:/x")),
        ("qmp:/run/qmp.sock", QmpAddress("/run/qmp.sock")),
        ("@hello-2", GuestName("hello-2")),
    ],
)
def test_forms(url: str, address: object) -> None:
    assert parse_url(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "host:",
        ":0",
        ":65536",
        "a:b:1",
        "unix:",
        "serial:",
        "serial:/dev/x,fast",
        "@",
        "@../x",
        "::1:5",
    ],
)
def test_what_names_nothing(url: str) -> None:
    with pytest.raises(ConfigError):
        parse_url(url)


@pytest.mark.parametrize(
    "url", ["[::1]:5", "host:5", "unix:/x", "serial:/dev/x,9600", "exec:a b", "qmp:/q", "@n"]
)
def test_addresses_print_as_they_are_given(url: str) -> None:
    assert str(parse_url(url)) == url


@given(st.text(max_size=30))
def test_any_text_names_something_or_is_refused(text: str) -> None:
    try:
        parse_url(text)
    except ConfigError:
        return

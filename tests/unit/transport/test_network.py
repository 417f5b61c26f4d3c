"""The network of `unidbg run`: how forwards are spelt, what QEMU is told, and what it says of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.errors import ConfigError
from unidbg.transport.network import Forward, arguments, forwarded, parse_forward

PORTS = st.integers(0, 65535)
FORWARDS = st.builds(Forward, st.sampled_from(["tcp", "udp"]), PORTS, PORTS.filter(bool))
USERNET = """\
Hub -1 (net):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[ESTABLISHED]   29       127.0.0.1 40923       10.0.2.15    80     0     0
  TCP[HOST_FORWARD]  15       127.0.0.1 40923       10.0.2.15    80     0     0
  UDP[HOST_FORWARD]  16       127.0.0.1 36103       10.0.2.15     7     0     0
"""


@given(FORWARDS)
def test_what_is_spelt_out_is_meant(forward: Forward) -> None:
    assert parse_forward(":".join(map(str, forward))) == forward


@given(st.text(st.characters(exclude_characters="0123456789"), max_size=20))
def test_text_without_a_port_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="8080:80"):
        parse_forward(text)


def test_qemu_is_told_of_loopback_alone() -> None:
    rules = [Forward("tcp", 8080, 80), Forward("udp", 0, 7)]
    netdev = "user,id=net,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=udp:127.0.0.1:0-:7"
    assert arguments("q35", rules)[:4] == ["-netdev", netdev, "-device", "virtio-net-pci,netdev=net"]


@pytest.mark.parametrize("machine", ["microvm", "microvm,acpi=off"])
def test_microvm_has_another_card(machine: str) -> None:
    assert "virtio-net-device,netdev=net" in arguments(machine, ())


def test_the_ports_are_those_that_qemu_bound() -> None:
    assert forwarded(USERNET) == (Forward("tcp", 40_923, 80), Forward("udp", 36_103, 7))
    assert forwarded("nothing") == ()

"""Packets of non-stop and tracepoints in any order, whole and damaged: sanitizers have nothing to say."""

from __future__ import annotations

import random

import pytest

from tests.core_c.conftest import Start
from tests.support.stub_host import frame

ROUNDS = 400
PACKETS = (
    "QTinit|QTDP:1:{count}:E:0:0-|QTDP:-1:{count}:R03-|QTDP:-1:{count}:M-1,{text},40-|QTDP:-1:{count}:M7,0,ffffffff-"
    "|QTDP:2:{copy}:E:0:3:X3,220127|QTDP:-2:{copy}:Xd,25000000000030000022ff0c27|QTDV:1:5:0:68697473|QTStart|QTStop"
    "|QTBuffer:circular:1|QTFrame:0|QTFrame:1|QTFrame:pc:{count}|QTFrame:range:0:ffffffff|QTFrame:ffffffff"
    "|QTDisconnected:1|QTDPsrc:1:{count}:at:0:5:636f756e74|qTBuffer:0,400|qTfP|qTsP|qTfV|qTsV|qTStatus|qTV:1"
    "|qTP:1:{count}|qXfer:traceframe-info:read::0,400|qXfer:osdata:read:fruit:0,20|m{text},10|g|p10|Z0,{tick},1"
    "|z0,{tick},1|c|s|vCont;c|vCont;t|vCont;c:1|vCont;s:1;c|vCont;c:2;t:1234567|QNonStop:1|QNonStop:0|vStopped"
    "|vCtrlC|?|D|qSupported|qRcmd,6661756c74"
)
LETTERS = b"0123456789abcdef,:;-XRMEZ"


def damaged(packet: bytes, choose: random.Random) -> bytes:
    """A byte or two changed, taken out or put in."""
    data = bytearray(packet)
    for _ in range(choose.randint(1, 3)):
        at = choose.randrange(len(data))
        data[at : at + choose.randint(0, 1)] = bytes(choose.choices(LETTERS, k=choose.randint(0, 1)))
        if not data:
            return packet
    return packet if data[:1] in b"Rk" else bytes(data)


@pytest.mark.parametrize("seed", range(3))
def test_any_order(seed: int, start: Start, names: dict[str, int]) -> None:
    choose = random.Random(seed)
    places = {name: f"{names[name]:x}" for name in ("count", "copy", "tick", "text")}
    packets = [packet.format(**places).encode() for packet in PACKETS.split("|")]
    host = start("--trace", "--threads", tick=seed % 2).no_ack()
    for _ in range(ROUNDS):
        packet = choose.choice(packets)
        host.send(frame(damaged(packet, choose) if choose.random() < 0.3 else packet))
        if choose.random() < 0.3:
            host.send(b"\x03")
        host.read_some(0.002)
    assert host.process.poll() is None

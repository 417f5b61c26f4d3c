"""What watching costs a server: requests per second of httpd, with and without a 4 Hz refresh over the UART.

Eight clients of this process ask for /healthz on connections that they keep. Windows with and without the
refresh alternate on one guest; a failed request fails the bench.
"""

from __future__ import annotations

import http.client
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench.harness import Row
from tests.e2e.guests import ROOT, Booted, boot_guest, network

CLIENTS = 8
REFRESH_SECONDS = 0.25


def run(quick: bool) -> list[Row]:
    """The goal: at most 5 % of the throughput."""
    windows, seconds = (2, 2.0) if quick else (5, 3.0)
    image = ROOT / "samples" / "build" / "x86_64" / "httpd.elf"
    with boot_guest(image, ready="serving port 80", arguments=network("q35")) as guest:
        rate(guest, 1.0)
        pairs = [(watched(guest, seconds), rate(guest, seconds)) for _ in range(windows)]
    return [
        Row(
            "httpd while it is watched at 4 Hz",
            statistics.median(ours for ours, _ in pairs),
            statistics.median(alone for _, alone in pairs),
            "left alone",
            statistics.median(ours / alone for ours, alone in pairs),
            ">= 0.95",
            "/s",
            f"{CLIENTS} connections, {windows} windows of {seconds:.0f} s each",
        )
    ]


def watched(guest: Booted, seconds: float) -> float:
    """`rate` while a session refreshes the overview."""
    with guest.session() as session, ThreadPoolExecutor(1) as pool:
        session.snapshot(["overview"])
        session.snapshot(["overview"])
        served = pool.submit(rate, guest, seconds)
        while not served.done():
            session.snapshot(["overview"])
            time.sleep(REFRESH_SECONDS)
        return served.result()


def rate(guest: Booted, seconds: float) -> float:
    """Requests per second."""
    port = guest.forwarded_port()
    end = time.monotonic() + seconds

    def ask(_: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        count = 0
        while time.monotonic() < end:
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok\n"
            count += 1
        connection.close()
        return count

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sum(clients.map(ask, range(CLIENTS))) / seconds

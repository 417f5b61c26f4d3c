"""What watching costs a server: requests per second of httpd, with and without a 4 Hz refresh over the UART.

Eight clients of this process ask for /healthz on connections that they keep; another process refreshes, as
the terminal interface does. Windows with and without the refresh alternate on one guest; a failed request
fails the bench.
"""

from __future__ import annotations

import http.client
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench.harness import Row, paired
from tests.e2e.guests import ROOT, Booted, boot_guest, network

CLIENTS = 8
REFRESH_SECONDS = 0.25
FIRST = 12
"""Refreshes before the window begins: what a refresh reads is known by then."""


def run(quick: bool) -> list[Row]:
    """The goal: at most 5 % of the throughput."""
    windows, seconds = (2, 2.0) if quick else (9, 3.0)
    image = ROOT / "samples" / "build" / "x86_64" / "httpd.elf"
    with boot_guest(image, ready="serving port 80", arguments=network("q35")) as guest:
        rate(guest, 1.0)
        pairs = [(watched(guest, seconds), rate(guest, seconds)) for _ in range(windows)]
    what, note = "httpd while it is watched at 4 Hz", windows_note(windows, seconds)
    return [paired(what, pairs, "left alone", ">= 0.95", "/s", note)]


def windows_note(windows: int, seconds: float) -> str:
    """What was asked how often."""
    return f"{CLIENTS} connections, {windows} windows of {seconds:.1f} s each"


def watched(guest: Booted, seconds: float) -> float:
    """`rate` while another process refreshes the overview."""
    command = [*guest.command("overview"), "--json", f"--watch={REFRESH_SECONDS}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watcher:
        try:
            assert watcher.stdout is not None
            for _ in range(FIRST):
                assert watcher.stdout.readline(), "the watcher ended"
            threading.Thread(target=watcher.stdout.read, daemon=True).start()
            return rate(guest, seconds)
        finally:
            watcher.send_signal(signal.SIGINT)


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

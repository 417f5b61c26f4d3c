"""`python -m tests.golden.dead`: a minimal dump of each way to crash, made anew from the image of the demo.

The image that the dumps are of is that of `unidbg demo`, so they are made again whenever that is.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from tests.e2e.crashes import CRASHES
from tests.support.demo import FOLDER, make, pack
from unidbg.errors import ConfigError

DUMPS = Path(__file__).with_name("dumps")
IMAGE = FOLDER / "crash.elf"
WAYS = tuple(crash.way for crash in CRASHES)


def main() -> None:
    """Boot the image once for each way, wait for its end, dump."""
    from tests.e2e.guests import boot_guest

    DUMPS.mkdir(exist_ok=True)
    for way in WAYS:
        with (
            suppress(ConfigError),  # it ends by itself when we have let it go, maybe before we end it
            tempfile.TemporaryDirectory() as folder,
            boot_guest(IMAGE, append=f"crash={way} callsites", ready=f"crash: {way}") as guest,
        ):
            guest.wait_for_line("exception|panic")
            core = Path(folder) / "core"
            make(guest.stub, core, minimal=True)
            pack(core, DUMPS / f"{way}.core.gz")


if __name__ == "__main__":
    main()

"""A gentle load for `make demo`: .ci/load.py HOST:PORT [COUNT].

Some ten requests a second, one in twenty for 1 MiB; without COUNT until it is ended, an hour at most.
"""

import http.client
import sys
import time

PAUSE_SECONDS = 0.1
AN_HOUR = 36000
BIG_EVERY = 20


def fetch(address: str, path: str) -> None:
    """One request on a connection of its own; a guest that is being ended is no error of ours."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    finally:
        connection.close()


def main() -> None:
    """As many requests as asked for."""
    address = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else AN_HOUR
    for number in range(1, count + 1):
        try:
            fetch(address, "/blob" if number % BIG_EVERY == 0 else "/healthz")
        except (OSError, http.client.HTTPException) as error:
            sys.exit(f"{address}: {error}")
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()

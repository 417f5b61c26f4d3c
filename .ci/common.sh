# Shared by the scripts of this folder: each is started from the root of the repository.
# shellcheck shell=bash

PY=.venv/bin/python

# One line per step, so that whoever waits sees what for.
step() { printf '\n==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }

# Say what is wrong, on stderr, and stop.
die() {
    printf '\nunidbg: %s\n' "$1" >&2
    shift
    if (($# > 0)); then
        printf '        %s\n' "$@" >&2
    fi
    exit 1
}

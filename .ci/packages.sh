# What the set-up needs of the system, how to see that it is there, and how to get it on Debian and Ubuntu.
# shellcheck shell=bash

MISSING=()

# need PACKAGE PROBE...: note the package as missing when the probe fails.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || MISSING+=("$package")
}

has() { command -v "$1"; }

# A Python that we support, as $PYTHON says or as found; prints its name.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

can_make_venv() {
    local python
    [ -x "$PY" ] && return
    python=$(find_python) && "$python" -c 'import ensurepip, venv'
}

# Which package gives the missing part of Python: that of the version we would use.
venv_package() {
    local python
    python=$(find_python) || python=python3
    case $python in
        python3.*) printf '%s-venv\n' "$python" ;;
        *) printf 'python3-venv\n' ;;
    esac
}

# The sanitizers' runtime of the clang that is installed: its package carries the version in its name.
clang_runtime() {
    local resources
    resources=$(clang -print-resource-dir) && [ -n "$(find "$resources" -name 'libclang_rt.asan*' -print -quit)" ]
}

clang_runtime_package() {
    printf 'libclang-rt-%s-dev\n' "$(clang -dumpversion | cut -d. -f1)"
}

host_headers() { printf '#include <stdio.h>\n' | gcc -E -x c -; }

slirp_headers() { printf '#include <slirp/libslirp.h>\n' | gcc -E -x c -; }

qemu_needs() { need qemu-system-x86 has qemu-system-x86_64; }

# What the samples need for a network where they are Linux processes.
slirp_needs() { need libslirp-dev slirp_headers; }

# To build a unikernel and look at it where it runs as a Linux process.
process_needs() {
    need gcc has gcc
    need binutils has objcopy
    need make has make
    need "$(venv_package)" can_make_venv
}

# `make demo`: boot a unikernel that is built here, and look at it.
demo_needs() {
    qemu_needs
    process_needs
}

# `make test`: the demo's, and what the tests hold unidbg against.
test_needs() {
    demo_needs
    slirp_needs
    need libc6-dev host_headers
    need g++ has g++
    need clang has clang
    need clang-format has clang-format
    need clang-tidy has clang-tidy
    need lld has ld.lld
    need llvm has llvm-objdump
    need gcc-aarch64-linux-gnu has aarch64-linux-gnu-gcc
    need gdb has gdb
    need gdbserver has gdbserver
    need lldb has lldb
    need tmux has tmux
    need tshark has tshark
    need shellcheck has shellcheck
    need git has git
    need curl has curl
    need zstd has zstd
    need dwz has dwz
}

# The words before apt-get: nothing for root, sudo where it asks no password; fails where neither will do.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        printf 'env'
    elif sudo -n true >/dev/null 2>&1; then
        printf 'sudo -n env'
    else
        return 1
    fi
}

# Package lists are absent in most container images, and stale ones name files that are gone: then ask again.
apt_install() {
    local root
    read -ra root <<<"$1"
    shift
    local install=("${root[@]}" DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
    if [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -print -quit 2>/dev/null)" ]; then
        note "${install[*]}"
        "${install[@]}" && return
    fi
    note "${root[*]} apt-get update"
    "${root[@]}" apt-get update -q
    note "${install[*]}"
    "${install[@]}"
}

# Install what is missing, or print the line that would and stop.
install_missing() {
    local root line="sudo apt-get update && sudo apt-get install -y --no-install-recommends ${MISSING[*]}"
    if ((${#MISSING[@]} == 0)); then
        note "nothing is missing"
        return
    fi
    note "missing: ${MISSING[*]}"
    if ! command -v apt-get >/dev/null 2>&1; then
        die "this system has no apt-get: install what Debian calls ${MISSING[*]}," "then run make again."
    fi
    if ! root=$(as_root); then
        die "packages are missing, and only root may install them. Run this line, then make again:" "$line"
    fi
    apt_install "$root" "${MISSING[@]}" ||
        die "apt-get failed, its reason stands above. When that is mended run:" "$line"
}

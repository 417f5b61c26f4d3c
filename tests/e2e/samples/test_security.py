"""Each protection of the samples can be switched off, and by the guest's own counts this one alone is."""

from __future__ import annotations

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.rsp import Stub
from tests.e2e.samples.test_stats import items

AT_BOOT = (
    "no_execute",
    "write_xor_execute",
    "read_only_text",
    "guard_pages",
    "write_protect",
    "smep",
    "smap",
)
CR0_WP, CR4_SMEP, CR4_SMAP = 1 << 16, 1 << 20, 1 << 21


def security(boot: Boot, append: str = "") -> dict[str, str]:
    guest = boot("hello", append)
    guest.wait_for(r"hello, world$")
    return Stub(guest.stub).stats("security")


def configured(stats: dict[str, str]) -> set[str]:
    """The protections that are on."""
    found = items(stats, "security.protections")
    assert len(found) == 12
    return {p["name"] for p in found if p["configured"] == "true"}


def true(stats: dict[str, str]) -> set[str]:
    """Those that are on by the guest's own look at its page tables and registers."""
    number = {
        key.removeprefix("security."): int(value, 0) for key, value in stats.items() if value[:1].isdigit()
    }
    found = {
        "no_execute": number["executable_data_pages"] == 0,
        "write_xor_execute": number["writable_executable_pages"] == number["writable_text_pages"],
        "read_only_text": number["writable_text_pages"] == 0,
        "guard_pages": number["guard_pages"] > 0,
        "write_protect": bool(number["registers.cr0"] & CR0_WP),
        "smep": bool(number["registers.cr4"] & CR4_SMEP),
        "smap": bool(number["registers.cr4"] & CR4_SMAP),
    }
    return {name for name, is_true in found.items() if is_true}


def test_all_are_on(boot: Boot) -> None:
    stats = security(boot)
    assert configured(stats) >= {
        *AT_BOOT,
        "stack_canaries",
        "bounds_checks",
        "type_checks",
        "control_flow_checks",
    }
    assert true(stats) == set(AT_BOOT)


@pytest.mark.parametrize("name", AT_BOOT)
def test_one_is_off(boot: Boot, name: str) -> None:
    stats = security(boot, f"security=-{name}")
    assert set(AT_BOOT) - configured(stats) == {name}
    assert set(AT_BOOT) - true(stats) == {name}


def test_the_canary_is_another_each_time(boot: Boot) -> None:
    first, second = (int(security(boot)["security.canary"], 16) for _ in range(2))
    assert first != second
    assert min(first, second) > 1 << 32


def test_the_image_runs_elsewhere_each_time(boot: Boot) -> None:
    slides = [int(security(boot, "aslr")["security.slide_bytes"], 16) for _ in range(2)]
    assert slides[0] != slides[1]
    assert all(slide >= 1 << 39 and slide % (2 << 20) == 0 for slide in slides)
    stats = security(boot, "noaslr xaslr aslrx")
    assert "aslr" not in configured(stats)
    assert stats["security.slide_bytes"] == "0x0"


def test_tls_is_told(boot: Boot) -> None:
    assert security(boot)["security.tls.enabled"] == "false"
    stats = security(boot, "tls_cert=/etc/cert.pem tls_key=/etc/key.pem")
    assert stats["security.tls.enabled"] == "true"
    assert stats["security.tls.certificate"] == "/etc/cert.pem"

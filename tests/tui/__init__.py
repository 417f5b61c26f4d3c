"""The TUI, with no guest: a recorded session, deterministic to the last pixel."""

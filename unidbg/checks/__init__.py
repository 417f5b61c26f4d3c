"""From views to findings: each check is a pure function of views."""

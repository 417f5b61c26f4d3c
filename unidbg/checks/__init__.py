"""From a view to findings: each check is a pure function of views. Nothing here yet."""

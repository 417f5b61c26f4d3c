"""The samples boot and do what they say; no client of unidbg in between."""

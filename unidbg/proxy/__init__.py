"""One guest, many clients. Nothing here yet."""

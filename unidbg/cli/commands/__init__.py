"""One module per command; each has the click command as `command`."""

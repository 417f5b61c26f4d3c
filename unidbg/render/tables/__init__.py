"""One function per view: (view, page) to what rich draws."""

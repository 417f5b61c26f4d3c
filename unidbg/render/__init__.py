"""Views become text and JSON here. Knows views alone: nothing in this package reads a guest."""

"""The stub for whoever has an installation of unidbg alone: where its sources are, copying, building."""

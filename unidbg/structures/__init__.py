"""Shapes in guest memory: arrays, lists, bitmaps, strings and rings. Every walk is bounded and total."""

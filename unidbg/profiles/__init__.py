"""Roots: where the structures of a guest are.

Probes of guests that describe themselves, and any guest at all.
"""

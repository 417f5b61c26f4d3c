"""The vocabulary of unidbg: frozen views, the one set of facts that every renderer shows.

Imports nothing of ours. The JSON schema is made from these classes.
"""

"""Servers that push, each a side of its own, and one crowd of clients for all of them."""

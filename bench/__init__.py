"""Pulse's promises of speed, each measured against its peer in the same run: `python -m bench [name ...]`."""

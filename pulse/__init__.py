"""Pulse: an event-sourced, omnichannel customer-support chat backend."""

__version__ = "0.1.0"

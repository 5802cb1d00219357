"""Sources: what they may have, who changes them, and what their providers say. For the desk and the commands."""

"""What Pulse does by itself once something has happened: it follows the log, one process at a time."""

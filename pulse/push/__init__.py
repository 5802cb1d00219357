"""The push door: every event of the log, as frames, to the sockets that may see it."""

"""The door through which our side goes out to the channels."""

"""What leaves Pulse by itself: events to other systems."""

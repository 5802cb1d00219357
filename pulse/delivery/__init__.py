"""What leaves Pulse: replies to customers, and what workers do beside it."""

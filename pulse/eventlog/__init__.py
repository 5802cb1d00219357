"""The only code that speaks to NATS streams."""

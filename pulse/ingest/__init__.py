"""The doors through which customers' words come in: webhooks and the website widget."""

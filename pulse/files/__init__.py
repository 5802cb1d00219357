"""Files on their way in and out of our storage: what the HTTP doors share."""

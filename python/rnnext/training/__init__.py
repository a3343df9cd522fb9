"""Training: how data come in, batch by batch."""

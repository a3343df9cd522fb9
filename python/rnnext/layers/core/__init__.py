"""Dense, Embedding, Input and other layers of one tensor."""

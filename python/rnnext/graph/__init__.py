"""What was called on what: symbolic tensors, calls and their arguments. Knows no layer."""

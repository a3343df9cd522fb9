"""Layers of several tensors."""

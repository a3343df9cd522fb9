"""Dropout, noise and penalties."""

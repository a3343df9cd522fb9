"""Batch, layer, group, RMS and unit normalization."""

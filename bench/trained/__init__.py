"""Measuring a step of training, engine beside engine: what `bench/training.py` is made of."""

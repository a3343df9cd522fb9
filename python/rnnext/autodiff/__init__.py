"""Gradients of code written with NumPy: the default rule of operations that have none."""

"""Convolutions along one to three axes."""

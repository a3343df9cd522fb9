"""Layers that turn raw values into numbers a network takes."""

"""Layers that only move values."""

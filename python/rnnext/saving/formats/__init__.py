"""One reader per file format, bounded and never executing."""

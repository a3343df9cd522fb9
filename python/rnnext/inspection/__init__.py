"""What a layer computes, shown to people: formulas, and one step by hand."""

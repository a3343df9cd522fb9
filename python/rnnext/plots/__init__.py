"""Pictures by Matplotlib (`pip install 'rnnext[plot]'`), of arrays; they know no layer."""

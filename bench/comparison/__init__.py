"""What `bench/compare.py` is made of: workloads, engines, workers, rounds, reports."""

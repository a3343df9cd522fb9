"""How engines that spread work over machines call a model; `rnnext.dask` and its like export it."""

from rnnext.engines.dask_arrays import predict as predict

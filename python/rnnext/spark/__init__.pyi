from rnnext.engines.spark_frames import in_pandas as in_pandas
from rnnext.engines.spark_frames import predict as predict

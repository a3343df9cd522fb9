from rnnext.preprocessing import sequence as sequence
from rnnext.preprocessing import text as text
from rnnext.utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array

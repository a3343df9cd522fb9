from rnnext.preprocessing.skip_grams import make_sampling_table as make_sampling_table
from rnnext.preprocessing.skip_grams import skipgrams as skipgrams
from rnnext.preprocessing.timeseries_generator import TimeseriesGenerator as TimeseriesGenerator
from rnnext.utils.arrays import pad_sequences as pad_sequences

from rnnext.tensorflow.data import experimental as experimental
from rnnext.tensorflow.data.dataset import AUTOTUNE as AUTOTUNE
from rnnext.tensorflow.data.dataset import INFINITE_CARDINALITY as INFINITE_CARDINALITY
from rnnext.tensorflow.data.dataset import UNKNOWN_CARDINALITY as UNKNOWN_CARDINALITY
from rnnext.tensorflow.data.dataset import Dataset as Dataset
from rnnext.tensorflow.data.text_lines import TextLineDataset as TextLineDataset

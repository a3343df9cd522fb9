from rnnext.tensorflow.data.dataset import AUTOTUNE as AUTOTUNE
from rnnext.tensorflow.data.dataset import INFINITE_CARDINALITY as INFINITE_CARDINALITY
from rnnext.tensorflow.data.dataset import UNKNOWN_CARDINALITY as UNKNOWN_CARDINALITY
from rnnext.tensorflow.data.dataset import cardinality as cardinality

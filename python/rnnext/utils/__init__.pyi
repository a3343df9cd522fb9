from rnnext.config import set_random_seed as set_random_seed
from rnnext.naming import clear_session as clear_session
from rnnext.serialization import custom_object_scope as custom_object_scope
from rnnext.serialization import deserialize
from rnnext.serialization import register_keras_serializable as register_keras_serializable
from rnnext.serialization import serialize
from rnnext.utils.arrays import normalize as normalize
from rnnext.utils.arrays import pad_sequences as pad_sequences
from rnnext.utils.arrays import to_categorical as to_categorical
from rnnext.utils.download import get_file as get_file
from rnnext.utils.py_dataset import PyDataset as PyDataset
from rnnext.utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array

CustomObjectScope = custom_object_scope
Sequence = PyDataset
deserialize_keras_object = deserialize
serialize_keras_object = serialize

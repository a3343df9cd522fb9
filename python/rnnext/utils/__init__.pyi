from rnnext import utils
from rnnext.backend.functions import is_keras_tensor as is_keras_tensor
from rnnext.config.keras_switches import disable_interactive_logging as disable_interactive_logging
from rnnext.config.keras_switches import is_interactive_logging_enabled as is_interactive_logging_enabled
from rnnext.dtypes import standard_dtype_name
from rnnext.naming import clear_session as clear_session
from rnnext.serialization import custom_object_scope as custom_object_scope
from rnnext.serialization import deserialize
from rnnext.serialization import get_custom_objects as get_custom_objects
from rnnext.serialization import get_registered_name as get_registered_name
from rnnext.serialization import get_registered_object as get_registered_object
from rnnext.serialization import register_keras_serializable as register_keras_serializable
from rnnext.serialization import serialize
from rnnext.progbar import Progbar as Progbar
from rnnext.training.data import pack_x_y_sample_weight as pack_x_y_sample_weight
from rnnext.training.data import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from rnnext.utils.arrays import normalize as normalize
from rnnext.utils.arrays import pad_sequences as pad_sequences
from rnnext.utils.arrays import to_categorical as to_categorical
from rnnext.utils.download import get_file as get_file
from rnnext.utils.model_plot import model_to_dot as model_to_dot
from rnnext.utils.model_plot import plot_model as plot_model
from rnnext.utils.py_dataset import PyDataset as PyDataset
from rnnext.utils.seeds import set_random_seed as set_random_seed
from rnnext.utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array

CustomObjectScope = custom_object_scope
Sequence = PyDataset
deserialize_keras_object = deserialize
np_utils = utils
serialize_keras_object = serialize
standardize_dtype = standard_dtype_name

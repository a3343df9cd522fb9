from rnnext.config import experimental as experimental
from rnnext.config import optimizer as optimizer
from rnnext.config import threading as threading
from rnnext.config.keras_switches import backend as backend
from rnnext.config.keras_switches import disable_interactive_logging as disable_interactive_logging
from rnnext.config.keras_switches import disable_traceback_filtering as disable_traceback_filtering
from rnnext.config.keras_switches import enable_traceback_filtering as enable_traceback_filtering
from rnnext.config.keras_switches import is_interactive_logging_enabled as is_interactive_logging_enabled
from rnnext.config.keras_switches import is_traceback_filtering_enabled as is_traceback_filtering_enabled
from rnnext.config.keras_switches import set_backend as set_backend
from rnnext.dtypes import dtype_policy as dtype_policy
from rnnext.dtypes import set_dtype_policy as set_dtype_policy
from rnnext.settings import available_isas as available_isas
from rnnext.settings import epsilon as epsilon
from rnnext.settings import floatx as floatx
from rnnext.settings import get_num_threads as get_num_threads
from rnnext.settings import image_data_format as image_data_format
from rnnext.settings import isa as isa
from rnnext.settings import set_epsilon as set_epsilon
from rnnext.settings import set_floatx as set_floatx
from rnnext.settings import set_image_data_format as set_image_data_format
from rnnext.settings import set_num_threads as set_num_threads
from rnnext.settings import set_random_seed as set_random_seed
from rnnext.settings import get_threading as get_threading
from rnnext.settings import set_threading as set_threading
from rnnext.settings import register_threadpoolctl as register_threadpoolctl
from rnnext.tensorflow.devices import accept
from rnnext.tensorflow.devices import enabled
from rnnext.tensorflow.devices import list_physical_devices as list_physical_devices

functions_run_eagerly = enabled
get_visible_devices = list_physical_devices
list_logical_devices = list_physical_devices
run_functions_eagerly = accept
set_logical_device_configuration = accept
set_soft_device_placement = accept
set_visible_devices = accept

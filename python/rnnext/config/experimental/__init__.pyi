from rnnext.tensorflow.devices import accept
from rnnext.tensorflow.devices import list_physical_devices as list_physical_devices

enable_op_determinism = accept
enable_tensor_float_32_execution = accept
list_logical_devices = list_physical_devices
set_memory_growth = accept
set_virtual_device_configuration = accept
set_visible_devices = accept

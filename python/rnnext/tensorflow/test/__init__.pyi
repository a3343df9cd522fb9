from rnnext.tensorflow.devices import gpu_device_name as gpu_device_name
from rnnext.tensorflow.devices import is_gpu_available as is_gpu_available

is_built_with_cuda = is_gpu_available

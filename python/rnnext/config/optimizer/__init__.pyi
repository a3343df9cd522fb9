from rnnext.tensorflow.devices import accept

set_experimental_options = accept
set_jit = accept

from rnnext.tensorflow.functions import band_part as band_part
from rnnext.tensorflow.functions import diag as diag
from rnnext.tensorflow.functions import einsum as einsum
from rnnext.tensorflow.functions import eye as eye
from rnnext.tensorflow.functions import global_norm as global_norm
from rnnext.tensorflow.functions import matmul as matmul
from rnnext.tensorflow.functions import tensordot as tensordot
from rnnext.tensorflow.reductions import norm as norm

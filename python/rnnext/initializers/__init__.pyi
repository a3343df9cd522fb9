from rnnext.initializers.base import Initializer as Initializer
from rnnext.initializers.constant_initializers import Constant as Constant
from rnnext.initializers.constant_initializers import Identity as Identity
from rnnext.initializers.constant_initializers import Ones as Ones
from rnnext.initializers.constant_initializers import Zeros as Zeros
from rnnext.initializers.lookup import deserialize as deserialize
from rnnext.initializers.lookup import get as get
from rnnext.initializers.lookup import serialize as serialize
from rnnext.initializers.random_initializers import GlorotNormal as GlorotNormal
from rnnext.initializers.random_initializers import GlorotUniform as GlorotUniform
from rnnext.initializers.random_initializers import HeNormal as HeNormal
from rnnext.initializers.random_initializers import HeUniform as HeUniform
from rnnext.initializers.random_initializers import LecunNormal as LecunNormal
from rnnext.initializers.random_initializers import LecunUniform as LecunUniform
from rnnext.initializers.random_initializers import Orthogonal as Orthogonal
from rnnext.initializers.random_initializers import RandomNormal as RandomNormal
from rnnext.initializers.random_initializers import RandomUniform as RandomUniform
from rnnext.initializers.random_initializers import TruncatedNormal as TruncatedNormal
from rnnext.initializers.random_initializers import VarianceScaling as VarianceScaling
from rnnext.initializers.spectral_initializers import STFT as STFT

IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal
STFTInitializer = STFT
constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

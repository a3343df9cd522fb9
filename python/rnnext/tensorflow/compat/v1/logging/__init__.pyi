from rnnext.tensorflow.logger import DEBUG as DEBUG
from rnnext.tensorflow.logger import ERROR as ERROR
from rnnext.tensorflow.logger import FATAL as FATAL
from rnnext.tensorflow.logger import INFO as INFO
from rnnext.tensorflow.logger import WARN as WARN
from rnnext.tensorflow.logger import set_verbosity as set_verbosity

"""Type checkers read this; `rnnext.imports` makes it `rnnext.optimizers` itself."""

from rnnext.optimizers.adam import Adam as Adam
from rnnext.optimizers.adam import AdamW as AdamW
from rnnext.optimizers.adam import Adamax as Adamax
from rnnext.optimizers.adam import Lamb as Lamb
from rnnext.optimizers.adam import Nadam as Nadam
from rnnext.optimizers.adam import ScheduleFreeAdamW as ScheduleFreeAdamW
from rnnext.optimizers.ftrl import Ftrl as Ftrl
from rnnext.optimizers.lion import Lion as Lion
from rnnext.optimizers.lookup import deserialize as deserialize
from rnnext.optimizers.lookup import get as get
from rnnext.optimizers.lookup import serialize as serialize
from rnnext.optimizers.loss_scale import LossScaleOptimizer as LossScaleOptimizer
from rnnext.optimizers.muon import Muon as Muon
from rnnext.optimizers.optimizer import Optimizer as Optimizer
from rnnext.optimizers.rmsprop import Adadelta as Adadelta
from rnnext.optimizers.rmsprop import Adafactor as Adafactor
from rnnext.optimizers.rmsprop import Adagrad as Adagrad
from rnnext.optimizers.rmsprop import RMSprop as RMSprop
from rnnext.optimizers.sgd import SGD as SGD

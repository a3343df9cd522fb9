"""Type checkers read this; `rnnext.imports` makes it `rnnext.optimizers` itself."""

from rnnext.optimizers.adam_family import Adam as Adam
from rnnext.optimizers.adam_family import AdamW as AdamW
from rnnext.optimizers.adam_family import Adamax as Adamax
from rnnext.optimizers.adam_family import Lamb as Lamb
from rnnext.optimizers.adam_family import Nadam as Nadam
from rnnext.optimizers.adam_family import ScheduleFreeAdamW as ScheduleFreeAdamW
from rnnext.optimizers.ftrl import Ftrl as Ftrl
from rnnext.optimizers.lion import Lion as Lion
from rnnext.optimizers.lookup import deserialize as deserialize
from rnnext.optimizers.lookup import get as get
from rnnext.optimizers.lookup import serialize as serialize
from rnnext.optimizers.loss_scale import LossScaleOptimizer as LossScaleOptimizer
from rnnext.optimizers.muon import Muon as Muon
from rnnext.optimizers.optimizer import Optimizer as Optimizer
from rnnext.optimizers.squared_gradients import Adadelta as Adadelta
from rnnext.optimizers.squared_gradients import Adafactor as Adafactor
from rnnext.optimizers.squared_gradients import Adagrad as Adagrad
from rnnext.optimizers.squared_gradients import RMSprop as RMSprop
from rnnext.optimizers.gradient_descent import SGD as SGD

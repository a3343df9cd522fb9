from rnnext.losses.crossentropy import binary_crossentropy as binary_crossentropy
from rnnext.losses.crossentropy import categorical_crossentropy as categorical_crossentropy
from rnnext.losses.crossentropy import binary_focal_crossentropy as binary_focal_crossentropy
from rnnext.losses.crossentropy import categorical_focal_crossentropy as categorical_focal_crossentropy
from rnnext.losses.crossentropy import categorical_generalized_cross_entropy as categorical_generalized_cross_entropy
from rnnext.losses.overlap import circle as circle
from rnnext.losses.temporal import ctc as ctc
from rnnext.losses.overlap import dice as dice
from rnnext.losses.overlap import tversky as tversky
from rnnext.losses.functions import categorical_hinge as categorical_hinge
from rnnext.losses.functions import cosine_similarity as cosine_similarity
from rnnext.losses.functions import hinge as hinge
from rnnext.losses.functions import huber as huber
from rnnext.losses.functions import kl_divergence as kl_divergence
from rnnext.losses.functions import log_cosh as log_cosh
from rnnext.losses.functions import mean_absolute_error as mean_absolute_error
from rnnext.losses.functions import mean_absolute_percentage_error as mean_absolute_percentage_error
from rnnext.losses.functions import mean_squared_error as mean_squared_error
from rnnext.losses.functions import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from rnnext.losses.functions import poisson as poisson
from rnnext.losses.crossentropy import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from rnnext.losses.functions import squared_hinge as squared_hinge
from rnnext.losses.hard_samples import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from rnnext.losses.hard_samples import CTC as CTC
from rnnext.losses.hard_samples import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from rnnext.losses.hard_samples import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
from rnnext.losses.hard_samples import Circle as Circle
from rnnext.losses.hard_samples import Dice as Dice
from rnnext.losses.hard_samples import Tversky as Tversky
from rnnext.losses.lookup import deserialize as deserialize
from rnnext.losses.lookup import get as get
from rnnext.losses.lookup import serialize as serialize
from rnnext.losses.loss import Loss as Loss
from rnnext.losses.probabilistic import BinaryCrossentropy as BinaryCrossentropy
from rnnext.losses.probabilistic import CategoricalCrossentropy as CategoricalCrossentropy
from rnnext.losses.probabilistic import CategoricalHinge as CategoricalHinge
from rnnext.losses.probabilistic import Hinge as Hinge
from rnnext.losses.probabilistic import KLDivergence as KLDivergence
from rnnext.losses.probabilistic import Poisson as Poisson
from rnnext.losses.probabilistic import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from rnnext.losses.probabilistic import SquaredHinge as SquaredHinge
from rnnext.losses.reduction import Reduction as Reduction
from rnnext.losses.regression import CosineSimilarity as CosineSimilarity
from rnnext.losses.regression import Huber as Huber
from rnnext.losses.regression import LogCosh as LogCosh
from rnnext.losses.regression import MeanAbsoluteError as MeanAbsoluteError
from rnnext.losses.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from rnnext.losses.regression import MeanSquaredError as MeanSquaredError
from rnnext.losses.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError

KLD = kl_divergence
MAE = mean_absolute_error
MAPE = mean_absolute_percentage_error
MSE = mean_squared_error
MSLE = mean_squared_logarithmic_error
kld = kl_divergence
kullback_leibler_divergence = kl_divergence
logcosh = log_cosh
mae = mean_absolute_error
mape = mean_absolute_percentage_error
mse = mean_squared_error
msle = mean_squared_logarithmic_error

from rnnext.losses.crossentropy import binary_crossentropy as binary_crossentropy
from rnnext.losses.crossentropy import binary_focal_crossentropy as binary_focal_crossentropy
from rnnext.losses.crossentropy import categorical_focal_crossentropy as categorical_focal_crossentropy
from rnnext.losses.crossentropy import categorical_crossentropy as categorical_crossentropy
from rnnext.losses.functions import categorical_hinge as categorical_hinge
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
from rnnext.metrics.accuracy import Accuracy as Accuracy
from rnnext.metrics.accuracy import BinaryAccuracy as BinaryAccuracy
from rnnext.metrics.accuracy import CategoricalAccuracy as CategoricalAccuracy
from rnnext.metrics.accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from rnnext.metrics.accuracy import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from rnnext.metrics.accuracy import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from rnnext.metrics.area import AUC as AUC
from rnnext.metrics.f_score import F1Score as F1Score
from rnnext.metrics.f_score import FBetaScore as FBetaScore
from rnnext.metrics.confusion import FalseNegatives as FalseNegatives
from rnnext.metrics.confusion import FalsePositives as FalsePositives
from rnnext.metrics.confusion import Precision as Precision
from rnnext.metrics.confusion import PrecisionAtRecall as PrecisionAtRecall
from rnnext.metrics.confusion import Recall as Recall
from rnnext.metrics.confusion import RecallAtPrecision as RecallAtPrecision
from rnnext.metrics.confusion import SensitivityAtSpecificity as SensitivityAtSpecificity
from rnnext.metrics.confusion import SpecificityAtSensitivity as SpecificityAtSensitivity
from rnnext.metrics.confusion import TrueNegatives as TrueNegatives
from rnnext.metrics.confusion import TruePositives as TruePositives
from rnnext.metrics.functions import binary_accuracy as binary_accuracy
from rnnext.metrics.functions import categorical_accuracy as categorical_accuracy
from rnnext.metrics.functions import concordance_correlation as concordance_correlation
from rnnext.metrics.functions import pearson_correlation as pearson_correlation
from rnnext.metrics.functions import sparse_categorical_accuracy as sparse_categorical_accuracy
from rnnext.metrics.functions import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from rnnext.metrics.functions import top_k_categorical_accuracy as top_k_categorical_accuracy
from rnnext.metrics.intersection_over_union import BinaryIoU as BinaryIoU
from rnnext.metrics.intersection_over_union import IoU as IoU
from rnnext.metrics.intersection_over_union import MeanIoU as MeanIoU
from rnnext.metrics.intersection_over_union import OneHotIoU as OneHotIoU
from rnnext.metrics.intersection_over_union import OneHotMeanIoU as OneHotMeanIoU
from rnnext.metrics.lookup import deserialize as deserialize
from rnnext.metrics.lookup import get as get
from rnnext.metrics.lookup import serialize as serialize
from rnnext.metrics.metric import Metric as Metric
from rnnext.metrics.probabilistic import BinaryCrossentropy as BinaryCrossentropy
from rnnext.metrics.probabilistic import CategoricalCrossentropy as CategoricalCrossentropy
from rnnext.metrics.probabilistic import CategoricalHinge as CategoricalHinge
from rnnext.metrics.probabilistic import Hinge as Hinge
from rnnext.metrics.probabilistic import KLDivergence as KLDivergence
from rnnext.metrics.probabilistic import Poisson as Poisson
from rnnext.metrics.probabilistic import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from rnnext.metrics.probabilistic import SquaredHinge as SquaredHinge
from rnnext.metrics.reduction import Mean as Mean
from rnnext.metrics.reduction import MeanMetricWrapper as MeanMetricWrapper
from rnnext.metrics.reduction import Sum as Sum
from rnnext.metrics.regression import ConcordanceCorrelation as ConcordanceCorrelation
from rnnext.metrics.regression import CosineSimilarity as CosineSimilarity
from rnnext.metrics.regression import LogCoshError as LogCoshError
from rnnext.metrics.regression import MeanAbsoluteError as MeanAbsoluteError
from rnnext.metrics.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from rnnext.metrics.regression import MeanSquaredError as MeanSquaredError
from rnnext.metrics.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from rnnext.metrics.regression import PearsonCorrelation as PearsonCorrelation
from rnnext.metrics.regression import R2Score as R2Score
from rnnext.metrics.regression import RootMeanSquaredError as RootMeanSquaredError

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

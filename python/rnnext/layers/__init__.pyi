from rnnext.layers.activations.activation import Activation as Activation
from rnnext.layers.activations.advanced_activations import ELU as ELU
from rnnext.layers.activations.advanced_activations import LeakyReLU as LeakyReLU
from rnnext.layers.activations.advanced_activations import PReLU as PReLU
from rnnext.layers.activations.advanced_activations import ReLU as ReLU
from rnnext.layers.activations.advanced_activations import Softmax as Softmax
from rnnext.layers.activations.advanced_activations import ThresholdedReLU as ThresholdedReLU
from rnnext.layers.attention.attention import AdditiveAttention as AdditiveAttention
from rnnext.layers.attention.attention import Attention as Attention
from rnnext.layers.attention.grouped_query_attention import GroupedQueryAttention
from rnnext.layers.attention.multi_head_attention import MultiHeadAttention as MultiHeadAttention
from rnnext.layers.convolutional.convolution import Conv1D as Conv1D
from rnnext.layers.convolutional.convolution import Conv2D as Conv2D
from rnnext.layers.convolutional.convolution import Conv3D as Conv3D
from rnnext.layers.convolutional.depthwise_convolution import DepthwiseConv1D as DepthwiseConv1D
from rnnext.layers.convolutional.depthwise_convolution import DepthwiseConv2D as DepthwiseConv2D
from rnnext.layers.convolutional.depthwise_convolution import SeparableConv1D as SeparableConv1D
from rnnext.layers.convolutional.depthwise_convolution import SeparableConv2D as SeparableConv2D
from rnnext.layers.convolutional.transposed_convolution import Conv1DTranspose as Conv1DTranspose
from rnnext.layers.convolutional.transposed_convolution import Conv2DTranspose as Conv2DTranspose
from rnnext.layers.convolutional.transposed_convolution import Conv3DTranspose as Conv3DTranspose
from rnnext.layers.core.dense import Dense as Dense
from rnnext.layers.core.einsum_dense import EinsumDense as EinsumDense
from rnnext.layers.core.embedding import Embedding as Embedding
from rnnext.layers.core.identity import Identity as Identity
from rnnext.layers.core.input import Input as Input
from rnnext.layers.core.input import InputLayer as InputLayer
from rnnext.layers.core.lambda_layer import Lambda as Lambda
from rnnext.layers.core.masking import Masking as Masking
from rnnext.layers.core.wrapper import Wrapper as Wrapper
from rnnext.layers.input_spec import InputSpec as InputSpec
from rnnext.layers.layer import Layer as Layer
from rnnext.layers.merging.concatenation import Concatenate as Concatenate
from rnnext.layers.merging.concatenation import concatenate as concatenate
from rnnext.layers.merging.dot_product import Dot as Dot
from rnnext.layers.merging.dot_product import dot as dot
from rnnext.layers.merging.merging import Add as Add
from rnnext.layers.merging.merging import Average as Average
from rnnext.layers.merging.merging import Maximum as Maximum
from rnnext.layers.merging.merging import Minimum as Minimum
from rnnext.layers.merging.merging import Multiply as Multiply
from rnnext.layers.merging.merging import Subtract as Subtract
from rnnext.layers.merging.merging import add as add
from rnnext.layers.merging.merging import average as average
from rnnext.layers.merging.merging import maximum as maximum
from rnnext.layers.merging.merging import minimum as minimum
from rnnext.layers.merging.merging import multiply as multiply
from rnnext.layers.merging.merging import subtract as subtract
from rnnext.layers.normalization.batch_normalization import BatchNormalization as BatchNormalization
from rnnext.layers.normalization.normalization import GroupNormalization as GroupNormalization
from rnnext.layers.normalization.normalization import LayerNormalization as LayerNormalization
from rnnext.layers.normalization.normalization import RMSNormalization as RMSNormalization
from rnnext.layers.normalization.normalization import UnitNormalization as UnitNormalization
from rnnext.layers.pooling.adaptive_pooling import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from rnnext.layers.pooling.adaptive_pooling import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from rnnext.layers.pooling.adaptive_pooling import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from rnnext.layers.pooling.adaptive_pooling import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from rnnext.layers.pooling.adaptive_pooling import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from rnnext.layers.pooling.adaptive_pooling import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from rnnext.layers.pooling.global_pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from rnnext.layers.pooling.global_pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from rnnext.layers.pooling.global_pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from rnnext.layers.pooling.global_pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from rnnext.layers.pooling.global_pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from rnnext.layers.pooling.global_pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from rnnext.layers.pooling.pooling import AveragePooling1D as AveragePooling1D
from rnnext.layers.pooling.pooling import AveragePooling2D as AveragePooling2D
from rnnext.layers.pooling.pooling import AveragePooling3D as AveragePooling3D
from rnnext.layers.pooling.pooling import MaxPooling1D as MaxPooling1D
from rnnext.layers.pooling.pooling import MaxPooling2D as MaxPooling2D
from rnnext.layers.pooling.pooling import MaxPooling3D as MaxPooling3D
from rnnext.layers.preprocessing.category_encoding import CategoryEncoding as CategoryEncoding
from rnnext.layers.preprocessing.discretization import Discretization as Discretization
from rnnext.layers.preprocessing.hashed_crossing import HashedCrossing as HashedCrossing
from rnnext.layers.preprocessing.hashing import Hashing as Hashing
from rnnext.layers.preprocessing.integer_lookup import IntegerLookup as IntegerLookup
from rnnext.layers.preprocessing.mel_spectrogram import MelSpectrogram as MelSpectrogram
from rnnext.layers.preprocessing.normalization import Normalization as Normalization
from rnnext.layers.preprocessing.rescaling import Rescaling as Rescaling
from rnnext.layers.preprocessing.stft_spectrogram import STFTSpectrogram as STFTSpectrogram
from rnnext.layers.preprocessing.string_lookup import StringLookup as StringLookup
from rnnext.layers.preprocessing.text_vectorization import TextVectorization as TextVectorization
from rnnext.layers.regularization.dropout import Dropout as Dropout
from rnnext.layers.regularization.regularization import ActivityRegularization as ActivityRegularization
from rnnext.layers.regularization.regularization import AlphaDropout as AlphaDropout
from rnnext.layers.regularization.regularization import GaussianDropout as GaussianDropout
from rnnext.layers.regularization.regularization import GaussianNoise as GaussianNoise
from rnnext.layers.regularization.regularization import SpatialDropout1D as SpatialDropout1D
from rnnext.layers.regularization.regularization import SpatialDropout2D as SpatialDropout2D
from rnnext.layers.regularization.regularization import SpatialDropout3D as SpatialDropout3D
from rnnext.layers.reshaping.cropping_and_padding import Cropping1D as Cropping1D
from rnnext.layers.reshaping.cropping_and_padding import Cropping2D as Cropping2D
from rnnext.layers.reshaping.cropping_and_padding import Cropping3D as Cropping3D
from rnnext.layers.reshaping.cropping_and_padding import ZeroPadding1D as ZeroPadding1D
from rnnext.layers.reshaping.cropping_and_padding import ZeroPadding2D as ZeroPadding2D
from rnnext.layers.reshaping.cropping_and_padding import ZeroPadding3D as ZeroPadding3D
from rnnext.layers.reshaping.flatten import Flatten as Flatten
from rnnext.layers.reshaping.reshaping import Permute as Permute
from rnnext.layers.reshaping.reshaping import RepeatVector as RepeatVector
from rnnext.layers.reshaping.reshaping import Reshape as Reshape
from rnnext.layers.reshaping.up_sampling import UpSampling1D as UpSampling1D
from rnnext.layers.reshaping.up_sampling import UpSampling2D as UpSampling2D
from rnnext.layers.reshaping.up_sampling import UpSampling3D as UpSampling3D
from rnnext.layers.rnn.bidirectional import Bidirectional as Bidirectional
from rnnext.layers.rnn.conv_lstm import ConvLSTM1D as ConvLSTM1D
from rnnext.layers.rnn.conv_lstm import ConvLSTM2D as ConvLSTM2D
from rnnext.layers.rnn.conv_lstm import ConvLSTM3D as ConvLSTM3D
from rnnext.layers.rnn.conv_lstm import ConvLSTMCell as ConvLSTMCell
from rnnext.layers.rnn.cudnn import CuDNNGRU as CuDNNGRU
from rnnext.layers.rnn.cudnn import CuDNNLSTM as CuDNNLSTM
from rnnext.layers.rnn.gru import GRU as GRU
from rnnext.layers.rnn.gru import GRUCell as GRUCell
from rnnext.layers.rnn.lstm import LSTM as LSTM
from rnnext.layers.rnn.lstm import LSTMCell as LSTMCell
from rnnext.layers.rnn.rnn import RNN as RNN
from rnnext.layers.rnn.simple_rnn import SimpleRNN as SimpleRNN
from rnnext.layers.rnn.simple_rnn import SimpleRNNCell as SimpleRNNCell
from rnnext.layers.rnn.stacked_rnn_cells import StackedRNNCells as StackedRNNCells
from rnnext.layers.rnn.time_distributed import TimeDistributed as TimeDistributed
from rnnext.serialization import deserialize as deserialize
from rnnext.serialization import serialize as serialize

AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
GroupQueryAttention = GroupedQueryAttention
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

from rnnext.layers.activation import Activation as Activation
from rnnext.layers.advanced_activations import ELU as ELU
from rnnext.layers.advanced_activations import LeakyReLU as LeakyReLU
from rnnext.layers.advanced_activations import PReLU as PReLU
from rnnext.layers.advanced_activations import ReLU as ReLU
from rnnext.layers.advanced_activations import Softmax as Softmax
from rnnext.layers.attention import AdditiveAttention as AdditiveAttention
from rnnext.layers.attention import Attention as Attention
from rnnext.layers.batch_normalization import BatchNormalization as BatchNormalization
from rnnext.layers.bidirectional import Bidirectional as Bidirectional
from rnnext.layers.borders import Cropping1D as Cropping1D
from rnnext.layers.borders import Cropping2D as Cropping2D
from rnnext.layers.borders import Cropping3D as Cropping3D
from rnnext.layers.borders import ZeroPadding1D as ZeroPadding1D
from rnnext.layers.borders import ZeroPadding2D as ZeroPadding2D
from rnnext.layers.borders import ZeroPadding3D as ZeroPadding3D
from rnnext.layers.cells import GRUCell as GRUCell
from rnnext.layers.cells import LSTMCell as LSTMCell
from rnnext.layers.cells import SimpleRNNCell as SimpleRNNCell
from rnnext.layers.cells import StackedRNNCells as StackedRNNCells
from rnnext.layers.concatenation import Concatenate as Concatenate
from rnnext.layers.concatenation import concatenate as concatenate
from rnnext.layers.conv_lstm import ConvLSTM1D as ConvLSTM1D
from rnnext.layers.conv_lstm import ConvLSTM2D as ConvLSTM2D
from rnnext.layers.conv_lstm import ConvLSTM3D as ConvLSTM3D
from rnnext.layers.conv_lstm import ConvLSTMCell as ConvLSTMCell
from rnnext.layers.convolution import Conv1D as Conv1D
from rnnext.layers.convolution import Conv2D as Conv2D
from rnnext.layers.convolution import Conv3D as Conv3D
from rnnext.layers.dense import Dense as Dense
from rnnext.layers.depthwise_convolution import DepthwiseConv1D as DepthwiseConv1D
from rnnext.layers.depthwise_convolution import DepthwiseConv2D as DepthwiseConv2D
from rnnext.layers.depthwise_convolution import SeparableConv1D as SeparableConv1D
from rnnext.layers.depthwise_convolution import SeparableConv2D as SeparableConv2D
from rnnext.layers.dot_product import Dot as Dot
from rnnext.layers.dot_product import dot as dot
from rnnext.layers.dropout import Dropout as Dropout
from rnnext.layers.einsum_dense import EinsumDense as EinsumDense
from rnnext.layers.embedding import Embedding as Embedding
from rnnext.layers.flatten import Flatten as Flatten
from rnnext.layers.global_pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from rnnext.layers.global_pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from rnnext.layers.global_pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from rnnext.layers.global_pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from rnnext.layers.global_pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from rnnext.layers.global_pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from rnnext.layers.grouped_query_attention import GroupedQueryAttention
from rnnext.layers.identity import Identity as Identity
from rnnext.layers.input import Input as Input
from rnnext.layers.input import InputLayer as InputLayer
from rnnext.layers.input_spec import InputSpec as InputSpec
from rnnext.layers.lambda_layer import Lambda as Lambda
from rnnext.layers.layer import Layer as Layer
from rnnext.layers.masking import Masking as Masking
from rnnext.layers.merging import Add as Add
from rnnext.layers.merging import Average as Average
from rnnext.layers.merging import Maximum as Maximum
from rnnext.layers.merging import Minimum as Minimum
from rnnext.layers.merging import Multiply as Multiply
from rnnext.layers.merging import Subtract as Subtract
from rnnext.layers.merging import add as add
from rnnext.layers.merging import average as average
from rnnext.layers.merging import maximum as maximum
from rnnext.layers.merging import minimum as minimum
from rnnext.layers.merging import multiply as multiply
from rnnext.layers.merging import subtract as subtract
from rnnext.layers.multi_head_attention import MultiHeadAttention as MultiHeadAttention
from rnnext.layers.normalization import GroupNormalization as GroupNormalization
from rnnext.layers.normalization import LayerNormalization as LayerNormalization
from rnnext.layers.normalization import RMSNormalization as RMSNormalization
from rnnext.layers.normalization import UnitNormalization as UnitNormalization
from rnnext.layers.pooling import AveragePooling1D as AveragePooling1D
from rnnext.layers.pooling import AveragePooling2D as AveragePooling2D
from rnnext.layers.pooling import AveragePooling3D as AveragePooling3D
from rnnext.layers.pooling import MaxPooling1D as MaxPooling1D
from rnnext.layers.pooling import MaxPooling2D as MaxPooling2D
from rnnext.layers.pooling import MaxPooling3D as MaxPooling3D
from rnnext.layers.preprocessing import CategoryEncoding as CategoryEncoding
from rnnext.layers.preprocessing import Normalization as Normalization
from rnnext.layers.preprocessing import Rescaling as Rescaling
from rnnext.layers.recurrent import GRU as GRU
from rnnext.layers.recurrent import LSTM as LSTM
from rnnext.layers.recurrent import SimpleRNN as SimpleRNN
from rnnext.layers.regularization import ActivityRegularization as ActivityRegularization
from rnnext.layers.regularization import AlphaDropout as AlphaDropout
from rnnext.layers.regularization import GaussianDropout as GaussianDropout
from rnnext.layers.regularization import GaussianNoise as GaussianNoise
from rnnext.layers.regularization import SpatialDropout1D as SpatialDropout1D
from rnnext.layers.regularization import SpatialDropout2D as SpatialDropout2D
from rnnext.layers.regularization import SpatialDropout3D as SpatialDropout3D
from rnnext.layers.reshaping import Permute as Permute
from rnnext.layers.reshaping import RepeatVector as RepeatVector
from rnnext.layers.reshaping import Reshape as Reshape
from rnnext.layers.rnn import RNN as RNN
from rnnext.layers.time_distributed import TimeDistributed as TimeDistributed
from rnnext.layers.transposed_convolution import Conv1DTranspose as Conv1DTranspose
from rnnext.layers.transposed_convolution import Conv2DTranspose as Conv2DTranspose
from rnnext.layers.transposed_convolution import Conv3DTranspose as Conv3DTranspose
from rnnext.layers.up_sampling import UpSampling1D as UpSampling1D
from rnnext.layers.up_sampling import UpSampling2D as UpSampling2D
from rnnext.layers.up_sampling import UpSampling3D as UpSampling3D
from rnnext.layers.wrapper import Wrapper as Wrapper

GroupQueryAttention = GroupedQueryAttention
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
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

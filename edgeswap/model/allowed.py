"""What a model file may name without being trusted: what computes, and neither runs code of the file nor opens files.

Lists, not rules: a class or a function that a later Keras or TensorFlow adds is refused until someone has looked at it.
Names of Keras 3 and of Keras 2 (tf_keras) stand together; each reader knows only its own.
"""

from __future__ import annotations

import re


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Not among them, as they run code or load files: Lambda, TFSMLayer, TorchModuleWrapper, JaxLayer, FlaxLayer,
# DynamicLookup, DynamicEmbedding, DenseFeatures, RandomFourierFeatures, ClassMethod, InstanceMethod, InstanceProperty.
LAYERS = _names("""
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix
    AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D
    BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional CategoryEncoding CenterCrop Concatenate
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose
    ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose
    Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D
    Discretization Dot Dropout ELU EinsumDense Embedding Equalization Flatten GRU GRUCell GRUCellV1 GRUCellV2 GRUV1
    GRUV2 GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention GroupedQueryAttention HashedCrossing
    Hashing Identity InputLayer InputSpec IntegerLookup LSTM LSTMCell LSTMCellV1 LSTMCellV2 LSTMV1 LSTMV2
    LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxNumBoundingBoxes MaxPool1D MaxPool2D
    MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp MultiHeadAttention Multiply
    Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration
    RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur
    RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
    RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling
    Reshape Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D SeparableConvolution1D
    SeparableConvolution2D SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D
    SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract SyncBatchNormalization
    TextVectorization ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
    CustomScaleLayer LayerScale StochasticDepth RelativePositionalEmbedding
""")
MODELS = _names("Functional Model Sequential")
# Layers of edgeswap itself and tfmot's wrapper for pruning, which is taken off again after loading.
OWN_LAYERS = _names("CatalogActivation EdgeswapOperation")
PRUNING = _names("PruneLowMagnitude")
PRUNING_SCHEDULES = _names("ConstantSparsity PolynomialDecay")

INITIALIZERS = _names("""
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform Ones
    Orthogonal OrthogonalInitializer RandomNormal RandomUniform STFT STFTInitializer TruncatedNormal VarianceScaling
    Zeros constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform normal one ones
    orthogonal random_normal random_uniform stft truncated_normal uniform variance_scaling zero zeros
""")
REGULARIZERS = _names("L1 L1L2 L2 OrthogonalRegularizer l1 l1_l2 l2 orthogonal_regularizer")
# tf_keras writes TensorFlow's own initializers with the module that they are in.
TENSORFLOW_INITIALIZERS = "tensorflow.python.ops.init_ops_v2"
CONSTRAINTS = _names("""
    MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm max_norm min_max_norm non_neg radial_constraint unit_norm
""")
POLICIES = _names("DTypePolicy DTypePolicyMap FloatDTypePolicy Policy PolicyV1")
ACTIVATIONS = _names("""
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid
    log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid
    sparsemax squareplus swish tanh tanh_shrink threshold
""")
# What a compiled model inside a model brings along; it is built and never used.
TRAINING = _names("""
    AUC Accuracy Adadelta Adafactor Adagrad Adam AdamW Adamax BinaryAccuracy BinaryCrossentropy BinaryFocalCrossentropy
    BinaryIoU CTC CategoricalAccuracy CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalHinge Circle
    CosineDecay CosineDecayRestarts CosineSimilarity Dice ExponentialDecay F1Score FBetaScore FalseNegatives
    FalsePositives Ftrl Hinge Huber InverseTimeDecay IoU KLDivergence Lamb Lion LogCosh LogCoshError LossScaleOptimizer
    Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanSquaredError MeanSquaredLogarithmicError Muon Nadam
    OneHotIoU OneHotMeanIoU PiecewiseConstantDecay Poisson PolynomialDecay Precision PrecisionAtRecall R2Score RMSprop
    Recall RecallAtPrecision RootMeanSquaredError SGD SensitivityAtSpecificity SparseCategoricalAccuracy
    SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge Sum
    TopKCategoricalAccuracy TrueNegatives TruePositives Tversky
""")
TRAINING_FUNCTIONS = _names("""
    binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy categorical_crossentropy
    categorical_focal_crossentropy categorical_hinge cosine_similarity hinge huber kl_divergence log_cosh
    mean_absolute_error mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error poisson
    sparse_categorical_accuracy sparse_categorical_crossentropy squared_hinge
""")

# Values that JSON has no word for, as Keras writes them: numbers, shapes and references to tensors, never code.
RECORDS = _names("""
    __bytes__ __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__ TensorShape
""")

# Operations of Keras 3 between layers. Not among them, as they call a function that they are given: AssociativeScan,
# Cond, ForiLoop, JVP, Map, Scan, Switch, VectorizedMap, WhileLoop.
OPERATIONS = _names("""
    Abs Absolute Add All AllClose Amax Amin Angle Any Append Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2
    Arctanh Argmax Argmin Argpartition Argsort Array ArraySplit Average Bincount BitwiseAnd BitwiseInvert
    BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo Cbrt Ceil Clip Concatenate Conj
    Conjugate Copy Corrcoef Correlate Cos Cosh CountNonzero Cross Cumprod Cumsum Deg2rad Diag Diagflat Diagonal Diff
    Digitize Divide DivideNoNan Dot Dsplit Dstack Einsum EmptyLike Equal Exp Exp2 ExpandDims Expm1 Fabs Flip Fliplr
    Flipud Floor FloorDivide Fmax Fmin Fmod Full FullLike Gcd Geomspace GetItem Greater GreaterEqual Heaviside
    Histogram Hsplit Hstack Hypot I0 Imag Inner IsIn Isclose Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron Lcm
    Ldexp LeftShift Less LessEqual Linspace Log Log10 Log1p Log2 Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr
    LogicalXor Logspace Matmul Max Maximum Mean Median Meshgrid Min Minimum Mod Moveaxis Multiply NanToNum Nanargmax
    Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum
    Nanvar Ndim Negative Nextafter Nonzero NotEqual OnesLike Outer Pad Percentile Power Prod Ptp Quantile Rad2deg
    Ravel Real Reciprocal Repeat Reshape RightShift Roll Rot90 Round SearchSorted Select Sign Signbit Sin Sinc Sinh
    Size Slogdet Sort Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh Tensordot
    Tile Trace Transpose Trapezoid Tril Triu TrueDivide Trunc Unique UnravelIndex Vander Var Vdot View Vsplit Vstack
    Where ZerosLike AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm BinaryCrossentropy CTCDecode CTCLoss
    CategoricalCrossentropy Celu Conv ConvTranspose DepthToSpace DepthwiseConv DotProductAttention Elu Fold Gelu Glu
    HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool Moments MultiHot
    Normalize OneHot PSNR Polar RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink Softmax Softplus
    Softsign SpaceToDepth SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink
    Threshold Unfold CDist Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT InTopK Logdet Logsumexp RFFT
    Rsqrt STFT SegmentMax SegmentMin SegmentProd SegmentReduction SegmentSum TopK ViewAsComplex ViewAsReal Cast
    ConvertToTensor SaturateCast Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack Cholesky CholeskyInverse
    Det Eig Eigh Inv Lstsq LuFactor MatrixRank Norm Pinv Qr SVD Solve SolveTriangular AffineTransform CropImages
    ElasticTransform ExtractPatches GaussianBlur HSVToRGB MapCoordinates PadImages PerspectiveTransform RGBToGrayscale
    RGBToHSV Resize SSIM ScaleAndTranslate SobelEdges Rearrange
""")

# Functions of TensorFlow that a TFOpLambda or SlicingOpLambda may name, written without `tf.`.
_MATH = """
    abs acos acosh add add_n angle argmax argmin asin asinh atan atan2 atanh ceil conj cos cosh count_nonzero cumprod
    cumsum divide divide_no_nan equal erf erfc exp expm1 floor floordiv floormod greater greater_equal imag is_finite
    is_inf is_nan l2_normalize less less_equal log log1p log_sigmoid log_softmax logical_and logical_not logical_or
    logical_xor maximum minimum mod multiply multiply_no_nan negative not_equal pow real reciprocal reciprocal_no_nan
    reduce_all reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod
    reduce_std reduce_sum reduce_variance rint round rsqrt scalar_mul segment_max segment_mean segment_min segment_sum
    sigmoid sign sin sinh softmax softplus softsign sqrt square squared_difference subtract tan tanh top_k truediv
    xdivy xlogy unsorted_segment_max unsorted_segment_mean unsorted_segment_min unsorted_segment_sum
"""
_NN = """
    atrous_conv2d avg_pool avg_pool1d avg_pool2d avg_pool3d batch_normalization bias_add conv1d conv1d_transpose
    conv2d conv2d_transpose conv3d conv3d_transpose conv_transpose convolution crelu depth_to_space depthwise_conv2d
    dilation2d dropout elu embedding_lookup erosion2d fused_batch_norm gelu l2_loss l2_normalize leaky_relu
    local_response_normalization log_softmax lrn max_pool max_pool1d max_pool2d max_pool3d max_pool_with_argmax
    moments pool relu relu6 selu separable_conv2d sigmoid silu softmax softplus softsign space_to_batch space_to_depth
    swish tanh top_k zero_fraction
"""
_TOP = """
    argsort batch_to_space boolean_mask broadcast_to cast clip_by_norm clip_by_value concat einsum ensure_shape
    expand_dims eye fill gather gather_nd identity linspace matmul meshgrid norm one_hot ones ones_like pad
    parallel_stack range rank realdiv repeat reshape reverse reverse_sequence roll saturate_cast scatter_nd
    searchsorted sequence_mask shape size slice sort space_to_batch space_to_batch_nd split squeeze stack
    stop_gradient strided_slice tensor_scatter_nd_add tensor_scatter_nd_update tensordot tile transpose truncatediv
    truncatemod unstack where zeros zeros_like
"""
_LINALG = (
    "adjoint band_part cross det diag diag_part einsum inv matmul matrix_transpose matvec norm normalize set_diag trace"
)
_IMAGE = """
    adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation central_crop convert_image_dtype
    crop_and_resize crop_to_bounding_box extract_patches flip_left_right flip_up_down grayscale_to_rgb hsv_to_rgb
    pad_to_bounding_box per_image_standardization resize resize_bicubic resize_bilinear resize_nearest_neighbor
    resize_with_crop_or_pad resize_with_pad rgb_to_grayscale rgb_to_hsv rgb_to_yiq rgb_to_yuv rot90 sobel_edges
    transpose yiq_to_rgb yuv_to_rgb
"""
_SIGNAL = "dct fft fft2d fftshift frame hann_window idct ifft ifft2d irfft overlap_and_add rfft rfft2d stft"
_BACKEND = """
    abs all any argmax argmin batch_dot batch_flatten batch_normalization bias_add cast clip concatenate conv1d conv2d
    conv2d_transpose conv3d cos cumprod cumsum depthwise_conv2d dot dropout elu equal exp expand_dims flatten gather
    greater greater_equal hard_sigmoid l2_normalize less less_equal log max maximum mean min minimum not_equal one_hot
    ones_like permute_dimensions pool2d pool3d pow prod relu repeat repeat_elements reshape resize_images
    resize_volumes reverse round separable_conv2d shape sigmoid sign sin softmax softplus softsign spatial_2d_padding
    spatial_3d_padding sqrt square squeeze stack std stop_gradient sum switch tanh temporal_padding tile transpose var
    zeros_like
"""
_FAMILIES = {
    "": f"{_TOP} {_MATH}",
    "math.": _MATH,
    "nn.": _NN,
    "linalg.": _LINALG,
    "image.": _IMAGE,
    "signal.": _SIGNAL,
    "bitwise.": "bitwise_and bitwise_or bitwise_xor invert left_shift right_shift",
    "__operators__.": "add eq getitem ne ragged_getitem",
    "keras.backend.": _BACKEND,
    "keras.activations.": " ".join(sorted(ACTIVATIONS)),
}
FUNCTIONS = frozenset(prefix + name for prefix, names in _FAMILIES.items() for name in names.split())
FUNCTION_LAYERS = _names("TFOpLambda SlicingOpLambda")

CLASSES = LAYERS | MODELS | OWN_LAYERS | PRUNING | PRUNING_SCHEDULES | INITIALIZERS | REGULARIZERS | CONSTRAINTS
CLASSES |= POLICIES | OPERATIONS | FUNCTION_LAYERS
# Keys whose text names one of these, by the end of the key: `recurrent_activation`, `kernel_initializer`.
NAMED_BY = {
    "activation": ACTIVATIONS | LAYERS,
    "initializer": INITIALIZERS,
    "regularizer": REGULARIZERS,
    "constraint": CONSTRAINTS,
}

_MODULE = re.compile(
    r"(tf_)?keras(\.src)?(\.(activations|applications|constraints|dtype_policies|engine|initializers|layers"
    r"|mixed_precision|models|ops|regularizers|losses|metrics|optimizers)(\.[a-z0-9_]+)*)?"
)


def is_keras_module(module: object) -> bool:
    """Whether `module` is one of those in which Keras keeps what `CLASSES` names; no test module of it is."""
    return isinstance(module, str) and _MODULE.fullmatch(module) is not None and not module.endswith("_test")


def is_function(symbol: object) -> bool:
    """Whether a TFOpLambda may name `symbol`: a pure function of tensors and numbers."""
    return isinstance(symbol, str) and symbol.removeprefix("compat.v1.") in FUNCTIONS

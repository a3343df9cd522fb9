"""Why names of Keras and TensorFlow are absent: the table that errors and docs/names.md read."""

from __future__ import annotations

__all__ = ["ABSENT", "REASONS"]

REASONS = {
    "training": "rnnext trains with fit, train_step and GradientTape, and lacks this part",
    "images": "it is about images; rnnext is about sequences",
    "audio": "see rnnext.ops.stft and the layers STFTSpectrogram and MelSpectrogram",
    "devices": "it shares work out among devices; rnnext runs on the threads of one processor",
    "backends": "it belongs to TensorFlow, JAX or PyTorch below Keras, and rnnext has none of them",
    "quantization": "it is Keras's quantisation; rnnext's is load_model(file, precision='int8')",
    "files": "it reads folders of files; pass NumPy arrays",
    "graph1": "it belongs to the graphs and sessions of TensorFlow 1; layers compute when called",
    "tensorflow": "it belongs to TensorFlow; rnnext runs without it",
    "data": "it belongs to tf.data; pass NumPy arrays or iterators of batches",
    "operation": "rnnext.ops has what models of sequences use; for an array NumPy or SciPy has it",
    "keras1": "Keras 2 gave it up already; its functions and layers of today take its place",
    "older": "Keras 3 keeps it for programs of Keras 2; see rnnext.ops and rnnext.layers",
    "inside": "it is internal to Keras",
    "unsafe": "rnnext never runs code that a file holds",
    "other": "no model of sequences that rnnext was tried on has it",
}

# Keras's module -> why -> names; an absent module stands for all that is in it. TensorFlow's own
# names are with `keras`, as `import rnnext as tf` looks for both in one place.
ABSENT = {
    "keras": {
        "audio": "audio signal",
        "data": "TFRecordReader",
        "devices": "distribute distribution tpu",
        "graph1": (
            "app contrib flags get_default_graph get_variable global_variables_initializer "
            "gradients Graph layers_v1 placeholder Print variable_scope"
        ),
        "images": "applications image visualization",
        "keras1": "initializations",
        "inside": "Function RematScope src StatelessScope SymbolicScope tree",
        "older": "legacy",
        "quantization": "Quantizer quantizers",
        "tensorflow": (
            "autograph control_dependencies core debugging estimator experimental export "
            "feature_column IndexedSlices io lite lookup Module "
            "profiler python.client python.framework python.ops quantization queue ragged "
            "RaggedTensor raw_ops saved_model sets sparse SparseTensor summary sysconfig "
            "types xla"
        ),
        "training": "distillation remat",
    },
    "keras.backend": {
        "graph1": (
            "function get_graph get_session is_placeholder learning_phase "
            "gradients manual_variable_initialization placeholder set_learning_phase"
        ),
        "images": "resize_images",
        "older": "conv2d_transpose ctc_label_dense_to_sparse get_uid result_type",
    },
    "keras.callbacks": {
        "backends": "OrbaxCheckpoint",
    },
    "keras.compat.v1": {
        "graph1": (
            "get_default_graph get_variable global_variables_initializer Graph placeholder train "
            "variable_scope"
        ),
    },
    "keras.config": {
        "backends": (
            "disable_flash_attention enable_flash_attention is_flash_attention_enabled "
            "is_nnx_enabled"
        ),
        "inside": "enable_interactive_logging",
        "training": "max_epochs max_steps_per_epoch set_max_epochs set_max_steps_per_epoch",
        "unsafe": "enable_unsafe_deserialization",
    },
    "keras.dtype_policies": {
        "inside": "deserialize DTypePolicyMap serialize",
        "quantization": (
            "AWQDTypePolicy GPTQDTypePolicy Int4DTypePolicy QuantizedDTypePolicy "
            "QuantizedFloat8DTypePolicy"
        ),
    },
    "keras.layers": {
        "backends": "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper",
        "images": (
            "AugMix AutoContrast CenterCrop ContrastLimitedAdaptiveHistogramEqualization "
            "CutMix Equalization MaxNumBoundingBoxes MixUp RandAugment RandomBrightness "
            "RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop "
            "RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur "
            "RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective "
            "RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear "
            "RandomTranslation RandomWidth RandomZoom Resizing Solarization"
        ),
        "keras1": "Highway MaxoutDense Merge Recurrent TimeDistributedDense merge",
        "older": "experimental",
        "other": "Pipeline ReversibleEmbedding SpectralNormalization",
    },
    "keras.ops": {
        "images": "depth_to_space image psnr space_to_depth",
        "operation": (
            "adaptive_average_pool adaptive_max_pool argpartition eig fold i0 lu_factor polar "
            "unfold vectorize view_as_complex view_as_real"
        ),
        "training": "jvp",
    },
    "keras.optimizers": {
        "training": "MultiOptimizer OptimizerMap",
    },
    "keras.preprocessing": {
        "files": "image_dataset_from_directory text_dataset_from_directory",
        "images": "image",
    },
    "keras.random": {
        "other": "beta binomial dropout gamma",
    },
    "keras.saving": {
        "inside": "KerasFileEditor",
    },
    "keras.utils": {
        "data": "split_dataset",
        "files": (
            "audio_dataset_from_directory image_dataset_from_directory text_dataset_from_directory"
        ),
        "images": "array_to_img bounding_boxes img_to_array load_img save_img",
        "inside": "Config enable_interactive_logging get_source_inputs",
        "older": "legacy",
        "other": "FeatureSpace",
    },
}

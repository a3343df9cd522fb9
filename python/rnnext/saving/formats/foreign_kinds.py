"""What files of other programs are, and the way from each to a model of rnnext."""

from __future__ import annotations

__all__ = ["told"]

_NO_LAYERS = ", which does not say what the layers compute"
_NO_WAY_BACK = ", which cannot be turned back into layers"
_NEVER_LOADED = ", which is never loaded because loading runs its code"

_SAVED_BY_KERAS = "rnnext opens the .keras or .h5 file that it was made from"
_SAVE = "model.save('model.keras')"
_FROM_TORCH = "rnnext.from_torch(module)"
_SET_WEIGHTS = "if they are weights: make the model and call its set_weights"
_CONVERT = (
    "rnnext reads none of TensorFlow's own formats; where TensorFlow and tf_keras are installed, "
    "`rnnext convert FOLDER OUT.keras` makes a file that it reads"
)


def _state_dict(module: str, weights: str) -> str:
    return f"make {module}, module.load_state_dict({weights}), then {_FROM_TORCH}"


# What it is, and the way on. `{}` is filled by what was found in the file.
_KINDS: dict[str, tuple[str, str]] = {
    # PyTorch
    "torch_weights": (
        f"a PyTorch file of weights (a state dict){_NO_LAYERS}",
        _state_dict("the module in torch", "torch.load(file)"),
    ),
    "torch_checkpoint": (
        f"a PyTorch checkpoint, a dictionary with a state dict of weights in it{_NO_LAYERS}",
        _state_dict("the module in torch", "torch.load(file)[KEY]"),
    ),
    "torch_module": (
        "a whole PyTorch module, pickled",
        f"module = torch.load(file, weights_only=False), which runs its code, then {_FROM_TORCH}",
    ),
    "torch_script": (
        "a TorchScript program of PyTorch",
        _state_dict("the module that was scripted", "torch.jit.load(file).state_dict()"),
    ),
    "torch_export": (
        "a program that PyTorch's torch.export saved",
        _state_dict("the module that was exported", "torch.export.load(file).state_dict"),
    ),
    "torch_file": ("a PyTorch file", f"make the module in torch, then {_FROM_TORCH}"),
    "safetensors": (
        f"a safetensors file of weights{_NO_LAYERS}",
        "if they are PyTorch's: "
        + _state_dict("the module in torch", "safetensors.torch.load_file(file)"),
    ),
    "hugging_face": (
        "a model of Hugging Face's transformers",
        "rnnext runs recurrent networks of Keras and PyTorch, not these",
    ),
    # TensorFlow and its relatives
    "tflite": (f"a TensorFlow Lite model{_NO_WAY_BACK}", _SAVED_BY_KERAS),
    "tfjs_other": (
        "a TensorFlow.js model without layers in its modelTopology",
        "a model.json with format 'layers-model' and its layers opens",
    ),
    "tfjs_weights": (
        "weights of a TensorFlow.js model, whose model.json lies beside it",
        "open that: rnnext.load_model('model.json')",
    ),
    "tfjs_graph": (f"a TensorFlow.js graph{_NO_WAY_BACK}", _SAVED_BY_KERAS),
    "saved_model": ("the saved_model.pb of a TensorFlow SavedModel folder", _CONVERT),
    "saved_model_zip": ("a zip of a TensorFlow SavedModel folder", f"unpack it. {_CONVERT}"),
    "graph_def": (f"a frozen TensorFlow graph{_NO_WAY_BACK}", _SAVED_BY_KERAS),
    # other engines
    "onnx": (
        f"an ONNX model{_NO_WAY_BACK}",
        f"{_SAVED_BY_KERAS}, or takes the PyTorch module that it was made from: {_FROM_TORCH}",
    ),
    "ort": (
        f"a model of ONNX Runtime{_NO_WAY_BACK}",
        f"{_SAVED_BY_KERAS}, or takes the PyTorch module that it was made from: {_FROM_TORCH}",
    ),
    "executorch": (
        f"an ExecuTorch program{_NO_WAY_BACK}",
        f"take the PyTorch module that it was made from: {_FROM_TORCH}",
    ),
    "coreml": (f"a Core ML model{_NO_WAY_BACK}", _SAVED_BY_KERAS),
    "openvino": (f"an OpenVINO model{_NO_WAY_BACK}", _SAVED_BY_KERAS),
    "gguf": (
        "a GGUF file, a language model for llama.cpp",
        "rnnext runs recurrent networks of Keras and PyTorch, not these",
    ),
    # arrays
    "npy": ("an array of NumPy (.npy)", f"numpy.load(file) reads it; {_SET_WEIGHTS}"),
    "npz": ("arrays of NumPy (.npz)", f"numpy.load(file) reads them; {_SET_WEIGHTS}"),
    "matlab": (
        "a MATLAB file",
        f"scipy.io.loadmat, or h5py for version 7.3, reads its arrays; {_SET_WEIGHTS}",
    ),
    # pickles
    "keras_pickle": (
        f"a Python pickle of a Keras model{_NEVER_LOADED}",
        f"load it where it was made, if you trust it, and save it there: {_SAVE}",
    ),
    "joblib": (
        f"a pickle of joblib{_NEVER_LOADED}",
        f"load it where it was made, if you trust it; a Keras model is saved by {_SAVE}",
    ),
    "pickle": (
        f"a Python pickle{_NEVER_LOADED}",
        f"load it where it was made, if you trust it; a Keras model is saved by {_SAVE}",
    ),
    # not the file itself
    "lfs": ("a Git LFS pointer, not the file itself", "fetch that (git lfs pull)"),
    "html": (
        "a web page (HTML), not the file itself: a page about the file, a login or an error",
        "download the file by its direct link",
    ),
    "xml": ("XML, perhaps a server's error in place of the file", "download the file again"),
    "zip": ("a zip with {} in it", "unpack it and open that"),
    "compressed": ("compressed ({})", "unpack it and open what is in it"),
    # neither models nor arrays
    "yaml": (
        "YAML, which Keras dropped because loading it could run code",
        "save the architecture as JSON: model.to_json()",
    ),
    "notebook": ("a Jupyter notebook", f"run it, and save the model there: {_SAVE}"),
    "python": ("Python source", f"run it, and save the model there: {_SAVE}"),
    "document": ("a picture or document ({})", "a model is a .keras or .h5 file"),
    "program": ("a program or library ({})", "a model is a .keras or .h5 file"),
}


def told(kind: str, found: str = "") -> str:
    """A sentence about a kind of file.

    Args:
        kind: The key of its row.
        found: What was found in the file, where the row has a place for it.

    Example:
        >>> told("lfs")
        'it is a Git LFS pointer, not the file itself; fetch that (git lfs pull)'
    """
    what, way = _KINDS[kind]
    return f"it is {what.format(found)}; {way}"

from rnnext.interop.keras import from_keras as from_keras
from rnnext.saving.formats.limits import Limits as Limits
from rnnext.saving.load import load_model as load_model
from rnnext.saving.load import load_weights as load_weights
from rnnext.saving.load import model_from_json as model_from_json
from rnnext.saving.save import save_model as save_model
from rnnext.saving.save import save_weights as save_weights
from rnnext.saving.upgrade import upgraded as upgraded
from rnnext.serialization import custom_object_scope as custom_object_scope
from rnnext.serialization import deserialize
from rnnext.serialization import get_custom_objects as get_custom_objects
from rnnext.serialization import get_registered_name as get_registered_name
from rnnext.serialization import get_registered_object as get_registered_object
from rnnext.serialization import register_keras_serializable as register_keras_serializable
from rnnext.serialization import serialize

CustomObjectScope = custom_object_scope
deserialize_keras_object = deserialize
serialize_keras_object = serialize

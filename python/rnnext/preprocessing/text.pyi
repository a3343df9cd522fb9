from rnnext.preprocessing.tokenizer import Tokenizer as Tokenizer
from rnnext.preprocessing.tokenizer import tokenizer_from_json as tokenizer_from_json
from rnnext.preprocessing.words import hashing_trick as hashing_trick
from rnnext.preprocessing.words import one_hot as one_hot
from rnnext.preprocessing.words import text_to_word_sequence as text_to_word_sequence

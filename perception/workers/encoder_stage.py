"""The former place of `SenseEncoder` and of what encoding results in; kept for one release."""

from sensebind.perception.encoders.base import Embedding as Embedding
from sensebind.perception.encoders.base import Encoding as Encoding
from sensebind.perception.encoders.base import Nothing as Nothing
from sensebind.perception.encoders.base import Refused as Refused
from sensebind.perception.encoders.imagebind import SENSES as SENSES
from sensebind.perception.encoders.imagebind import SenseEncoder as SenseEncoder

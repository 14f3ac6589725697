"""What the company knows: articles -> passages -> an index that finds them.

    read_articles (readers)  ->  split (passages)  ->  build, Index (store)  ->  search (search)

Vectors come from the caller; this package never knows the encoder, only its fingerprint.
Importing `kb` is cheap: NumPy, FAISS and the Markdown parser load with the module that needs them.
"""

from kb.errors import KBError, NoIndex

__all__ = ["KBError", "NoIndex"]

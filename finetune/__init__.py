"""What past chats teach: transcripts in, a measured model version out."""

import os

# Read when torch is imported. Its C++ warns, past Python's filters, that the exporter cannot infer
# the shapes of a packed LSTM; the graphs are right, and the tests compare them.
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

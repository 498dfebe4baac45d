"""Out of mxnet: networks as PyTorch, ONNX and symbol files, with the proof that they compute the
same, and golden vectors for implementations of others.
"""

"""ONNX, the format in which programs exchange networks: what a file of it says, as plain records.

`records.py` is shared by those who write files (`compiler/onnx/export`) and those who read them.
Nothing here knows the package `onnx`: `runtime/onnx` makes protobuf of records, and back.
"""

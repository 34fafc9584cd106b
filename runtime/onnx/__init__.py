"""ONNX files: protobuf of what `compiler/onnx` says as records, and sessions as files."""

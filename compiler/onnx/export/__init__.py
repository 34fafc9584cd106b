"""A model as ONNX records: the batch is an axis, sequences are padded, operators are ONNX's own."""

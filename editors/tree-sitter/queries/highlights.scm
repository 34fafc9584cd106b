; Written by `python -m gradc_compiler.editor.grammar_files`; do not edit.
(comment) @comment
(text) @string
[(number) (dims)] @number
(type_name) @type
(definition name: (name) @type)
(data name: (name) @namespace)
(let name: (name) @constant)
(derivative name: (name) @type)
(call function: (name) @function)
(argument name: (name) @property)
(setting name: _ @keyword)
["cell" "data" "function" "import" "initializer" "layer" "model" "optimizer" "regularizer" "schedule" "train" "along" "because" "derivative" "descend" "from" "let" "minimize" "noise" "on" "over" "param" "report" "state" "step" "using" "and" "else" "if" "not" "or"] @keyword
((name) @function.builtin (#any-of? @function.builtin "abs" "add_along" "argmax" "argsort" "at_end" "batch_mean" "bfloat16" "broadcast" "ceil" "checkpoint" "classes" "concat" "contract" "cos" "cumsum" "digamma" "each" "erf" "exp" "expm1" "first" "floor" "from_rows" "full" "grad" "hessian" "hvp" "identity" "iota" "jacobian" "jvp" "last" "length" "lgamma" "log" "log1p" "max" "maximum" "mean" "min" "minimum" "normal" "one_hot" "ones" "orthonormalize" "pad" "place" "polygamma" "position" "previous" "rank" "refuse" "repeat" "reshape" "reverse" "rows" "scan" "scatter" "shape" "sigmoid" "sign" "sin" "size" "spread" "sqrt" "stack" "stop_gradient" "sum" "take" "take_along" "tanh" "tensor" "tfloat32" "time_sum" "transpose" "unfold" "uniform" "where" "zeros" "zip" "absolute_error" "accuracy" "adagrad" "adam" "adamw" "around" "as" "at_least" "attention" "avg_pool" "batch_norm" "bce" "bce_logits" "before" "both" "clip_norm" "clip_value" "constant" "conv" "conv_transpose" "cosine" "cross_entropy" "dense" "dropout" "elman" "elu" "embedding" "exponential_decay" "filled" "flatten" "gathered" "gelu" "glorot_normal" "glorot_uniform" "gru" "gru_reset_after" "he_normal" "he_uniform" "heads_of" "huber" "kl_unit_normal" "l1" "l2" "layer_norm" "leaky_relu" "linear" "log_softmax" "logsumexp" "lstm" "margins" "max_pool" "mean_squared_error" "momentum" "moves" "multi_head_attention" "nesterov" "norm" "orthogonal" "pair" "peak" "places" "pooled" "reached" "relu" "rmsprop" "sgd" "silu" "softmax" "softplus" "softsign" "sort" "squared_error" "steady" "step_decay" "swish" "time_max" "time_mean" "unit_of" "warmup"))

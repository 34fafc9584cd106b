" Written by `python -m gradc_compiler.editor.grammar_files`; do not edit.
if exists("b:current_syntax")
  finish
endif

syntax keyword gradcDeclaration cell data function import initializer layer model optimizer regularizer schedule train
syntax keyword gradcStatement descend minimize noise param report state using
syntax keyword gradcOperatorWord and else if not or
syntax keyword gradcType class nonnegative number positive proportion scalar seq share size
syntax keyword gradcConstant true false
syntax keyword gradcFunction abs add_along argmax argsort at_end batch_mean bfloat16 broadcast ceil checkpoint classes concat contract cos cumsum digamma each erf exp expm1 first floor from_rows full grad hessian hvp identity iota jacobian jvp last length lgamma log log1p max maximum mean min minimum normal one_hot ones orthonormalize pad place polygamma position previous rank refuse repeat reshape reverse rows scan scatter shape sigmoid sign sin size spread sqrt stack stop_gradient sum take take_along tanh tensor tfloat32 time_sum transpose unfold uniform where zeros zip absolute_error accuracy adagrad adam adamw around as at_least attention avg_pool batch_norm bce bce_logits before both clip_norm clip_value constant conv conv_transpose cosine cross_entropy dense dropout elman elu embedding exponential_decay filled flatten gathered gelu glorot_normal glorot_uniform gru gru_reset_after he_normal he_uniform heads_of huber kl_unit_normal l1 l2 layer_norm leaky_relu linear log_softmax logsumexp lstm margins max_pool mean_squared_error momentum moves multi_head_attention nesterov norm orthogonal pair peak places pooled reached relu rmsprop sgd silu softmax softplus softsign sort squared_error steady step_decay swish time_max time_mean unit_of warmup
syntax match gradcSetting /\<\%(batch\|block\|epochs\|exact\|held_out\|in_memory\|limit\|memory\|patience\|precision\|seed\|validate\)\>\ze\s\+[-A-Za-z0-9_]/
syntax match gradcDeclaration /^\s*\zslet\>\ze\s\+\h\w*\s*=/
syntax match gradcDeclaration /^\s*\zsderivative\>\ze\s\+\h\w*\s*(/
syntax match gradcStatement /\<because\>\ze\s*"/
syntax match gradcStatement /\<step\>\ze\s\+\h\w*\s*{/
syntax match gradcStatement /\<\%(over\|along\)\>\ze\s\+\h/
syntax match gradcStatement /\%(\<train\s\+\)\@<=on\>/
syntax match gradcStatement /\<from\>\ze\s*"/
syntax match gradcSign /|>\|->\|\.\.\|[-+*\/%^@<>=~]/
syntax match gradcNumber /\<\d\+\%(x\d\+\)*\>/
syntax match gradcNumber /\<\d[0-9_]*\%(\.\d[0-9_]*\)\=\%([eE][-+]\=\d\+\)\=\>/
syntax region gradcString start=/"/ end=/"/ oneline
syntax match gradcComment /#.*$/ contains=@Spell

highlight default link gradcDeclaration Structure
highlight default link gradcStatement Statement
highlight default link gradcOperatorWord Operator
highlight default link gradcType Type
highlight default link gradcConstant Boolean
highlight default link gradcFunction Function
highlight default link gradcSetting Identifier
highlight default link gradcSign Operator
highlight default link gradcNumber Number
highlight default link gradcString String
highlight default link gradcComment Comment

let b:current_syntax = "gradc"

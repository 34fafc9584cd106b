from gradc_compiler.diagnostics.source import CompileError as CompileError
from gradc_compiler.diagnostics.source import Diagnostic as Diagnostic
from gradc_compiler.graph.ragged import Ragged as Ragged
from gradc_compiler.pipeline import compile_file as compile_file
from gradc_compiler.pipeline import compile_source as compile_source
from gradc_compiler.program.program import Program as Program
from gradc_runtime.data import Dataset as Dataset
from gradc_runtime.notebooks.gradient_told import derive as derive
from gradc_runtime.session.history import History as History
from gradc_runtime.session.session import Session as Session
from gradc_runtime.system.errors import RunError as RunError

__version__: str

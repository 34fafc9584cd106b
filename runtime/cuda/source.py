"""CUDA kernel text becomes a function, if it says only what such text may say.

As on the CPU nothing in the text is trusted: one function of seven arguments, loops, arithmetic on
numbered locals, and calls of listed functions.  It is filed in `linecache`, so that a traceback
shows its lines.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from hashlib import sha256

from runtime.cpu.source import ALLOWED, LOCAL, SourceError, refuse
from runtime.cpu.source import FUNCTIONS as CPU_FUNCTIONS
from runtime.cuda.scalars import names

ARGUMENTS = ["words", "numbers", "table", "at", "begin", "count", "total"]
FUNCTIONS = (CPU_FUNCTIONS - {"reals", "indices"}) | {"thread", "threads"}


def check(node: ast.AST) -> None:
    """Refuse what kernel text may not say."""
    if not isinstance(node, ALLOWED):
        refuse(node, f"{type(node).__name__} is not allowed")
    match node:
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS:
            pass
        case ast.Call():
            refuse(node, f"may not call {ast.unparse(node.func)}")
        case ast.Name(id=name, ctx=ast.Load()) if name in FUNCTIONS or name in ARGUMENTS:
            pass
        case ast.Name(id=name) if name != "first" and not LOCAL.fullmatch(name):
            refuse(node, f"unknown name {name}")
        case ast.Constant() if type(node.value) not in (int, float, bool):
            refuse(node, f"a {type(node.value).__name__} is not allowed")


def function_of(text: str, word: int) -> Callable[..., None]:
    """The kernel as a Python function; raises `SourceError`."""
    tree = ast.parse(text)
    match tree.body:
        case [ast.FunctionDef(name="k0", decorator_list=[], returns=None) as kernel]:
            given = ast.unparse(kernel.args)
        case _:
            raise SourceError("kernel text is one function, k0")
    if given != ", ".join(ARGUMENTS):
        refuse(kernel, f"the head must be `def k0({', '.join(ARGUMENTS)}):`")
    for statement in kernel.body:
        for node in ast.walk(statement):
            check(node)
    file = f"<cuda kernel {sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space = dict(names(word))
    exec(compile(text, file, "exec"), space)  # only what `check` lets pass
    made: Callable[..., None] = space["k0"]
    return made

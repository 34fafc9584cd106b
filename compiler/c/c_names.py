"""Names of a spec as C identifiers.

A spec may call a model `int`, or two things alike; what reaches C is a letter first, no word that C
or C++ keeps to itself, nothing that the C library defines, and each name once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gradc_compiler.c.c_helpers import HELPERS
from gradc_compiler.emitted.distinct_names import DistinctNames


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


KEYWORDS = words(
    """
    alignas alignof and and_eq asm atomic auto bitand bitor bool break case catch char char8_t
    char16_t char32_t class co_await co_return co_yield compl complex concept const const_cast
    consteval constexpr constinit continue decltype default delete do double dynamic_cast else enum
    explicit export extern false float for friend goto if imaginary inline int long mutable
    namespace new noexcept noreturn not not_eq nullptr operator or or_eq private protected public
    register reinterpret_cast requires restrict return short signed sizeof static static_assert
    static_cast struct switch template this thread_local throw true try typedef typeid typename
    typeof union unsigned using virtual void volatile wchar_t while xor xor_eq
    """
)
MACROS = words("errno assert stdin stdout stderr linux unix i386 I")
FUNCTIONS = words(
    """
    abs atan2 cbrt ceil copysign div erf erfc exp exp2
    expm1 fabs fdim floor fma fmax fmin fmod free frexp hypot ilogb j0 j1 jn index labs ldexp lgamma
    log log10 log1p log2 logb lrint lround main malloc memcpy memset modf nearbyint nextafter pow
    remainder remquo rint round scalbln scalbn signgam sqrt tgamma time trunc
    y0 y1 yn
    """
)
HEADERS = words(  # of C, POSIX and what these include: NAME.h beside a source would be found first
    """
    aio assert complex ctype dirent dlfcn elf endian errno fcntl features fenv float getopt glob
    grp inttypes iso646 libintl limits link locale math memory netdb poll pthread pwd regex sched
    search semaphore setjmp signal stdalign stdarg stdatomic stdbool stdc stddef stdint stdio stdlib
    stdnoreturn string strings syscall syslog tgmath threads time uchar unistd utime values wait
    wchar wctype
    """
)
LIBRARIES = words("anl asan c dl gcc gomp m mvec pthread resolv rt stdc tsan ubsan util")
TYPE = re.compile(r"u?int(_fast|_least)?\d*_t|u?intptr_t|size_t|ptrdiff_t|M_\w+|FE_\w+")
OWN = {"n", "example", "row", "memory", "state", "m", "s", *HELPERS}  # of functions
MADE = re.compile(r"[vn]\d+|(sum|greatest|where)\d*|term|carry")  # names within nests
ANGLES = re.compile(r"a?(sin|cos|tan)h?f?")


def is_taken(name: str) -> bool:
    """Whether C, C++ or their libraries give a name a meaning of its own; capitals are macros'."""
    if name.isupper() and len(name) > 1:
        return True
    known = name in KEYWORDS | MACROS | FUNCTIONS or name.removesuffix("f") in FUNCTIONS
    return (
        known
        or name.startswith("_")
        or "__" in name
        or bool(TYPE.fullmatch(name) or ANGLES.fullmatch(name))
    )


def c_name(text: str) -> str:
    """An identifier that says what a name says; a name that C keeps to itself gets an end."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text)
    plain = re.sub("__+", "_", plain).strip("_") or "x"
    plain = plain if plain[0].isalpha() else f"x{plain}"
    return f"{plain}_of_spec" if is_taken(plain) or plain.endswith("_formula") else plain


def c_prefix(text: str) -> str:
    """What the functions and files of a model begin with: `digit_run`, `digit.h`, `libdigit.so`.

    No file may be taken for one of the C library's.
    """
    name = c_name(text)
    return f"{name}_of_spec" if name in HEADERS | LIBRARIES | {"va"} else name  # va_start is taken


class CNames(DistinctNames):
    """Gives each thing a name of its own, near to the one that it has."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__(taken, c_name)


class ArgumentNames(CNames):
    """Names of arguments, which stand beside those that nests make."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__({*OWN, *taken})

    def take(self, text: str) -> str:
        """A name that nothing has so far."""
        return super().take(f"{text}_given" if MADE.fullmatch(text) or len(text) == 1 else text)


def comment(text: str) -> str:
    """A text that can stand in a comment: nothing in it ends one, begins one or joins lines."""
    plain = "".join(c if c.isprintable() and c.isascii() else "?" for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").rstrip("\\ ")

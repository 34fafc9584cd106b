"""What `--weights`, `--only` and `--rename` mean: a session with numbers of a file or of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradc_runtime.certificates.certificate import require_sound
from gradc_runtime.cli.actions.output import say
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.declare import listed
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.checkpoint import NamedTensors
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import DataError
from gradc_runtime.weights.tensor_file import read_tensors

if TYPE_CHECKING:
    from gradc_compiler.pipeline import Compilation


def weights_at(path: Path) -> tuple[Path, Request | None]:
    """The checkpoint that `--weights` means, and the request of the run it belongs to.

    Raises `Refused` where there is no checkpoint.
    """
    if path.is_dir():
        store = NamedTensors(path / "checkpoints")
        found = store.paths()
        if not found:
            raise Refused(f"{path} holds no checkpoint{runs_near(path)}")
        require_sound(path)
        return found[0], Request.read(path)
    if not path.is_file():
        raise Refused(f"there is no checkpoint {path}{runs_near(path)}")
    require_sound(path.parent.parent)
    return path, Request.read(path.parent.parent)


def runs_near(path: Path) -> str:
    """The tail of a message: runs beside a path that is none, of a similar name if there are."""
    runs = {p.parent.name: p.parent for p in path.parent.glob("*/checkpoints")}
    if near := get_close_matches(path.name, runs, n=3):
        return listed([runs[name] for name in near])
    latest = sorted(runs.values(), key=lambda run: run.stat().st_mtime)[-3:]
    return f"; there are {', '.join(map(str, latest))}" if latest else ""


def width_of(path: Path) -> str:
    """The width of the numbers in a file."""
    try:
        kinds = {one.kind for one in read_tensors(path).tensors.values()}
    except DataError:
        return "float32"  # taking the weights says what is wrong
    return "float64" if "F64" in kinds else "float32"


def session_with_weights(
    request: Request, given: Mapping[str, Any], *, dtype: str = "float32"
) -> tuple[Compilation, Session, Request]:
    """A session with the parameters of `--weights`, or with initial ones; a seed given now counts.

    Raises `Refused` where there is no such file, `CheckpointError` where it does not fit.
    """
    asked = with_earlier(request, given)
    made = asked.compile()
    analysed = asked.dtype is None and dtype == "float64"  # holds numbers, and multiplies none
    program = made.program.of_precision("float32" if analysed else None)
    session = replace(asked, dtype=asked.dtype or dtype).session(program)
    begin(session, given, request.seed)
    return made, session, asked


def session_to_run(request: Request, given: Mapping[str, Any]) -> tuple[Session, Request]:
    """The same of a program that an earlier run may have compiled; raises likewise."""
    asked = with_earlier(request, given)
    session = replace(asked, dtype=asked.dtype or "float32").session(asked.program())
    begin(session, given, request.seed)
    return session, asked


def with_earlier(request: Request, given: Mapping[str, Any]) -> Request:
    """A request, and what the run of `--weights` was asked where this one is silent.

    Raises `Refused` where there is no such run.
    """
    if given["weights"] is None:
        return request
    path, earlier = weights_at(given["weights"])
    request = replace(request, target=request.target or "cpu")  # not where it was trained
    request = request if earlier is None else request.above(earlier)
    return replace(request, dtype=request.dtype or width_of(path))


def begin(session: Session, given: Mapping[str, Any], seed: int | None) -> None:
    """Take over what `--weights` has, and let draws follow a seed that is given now."""
    take_weights(session, given)
    if given["weights"] is not None and seed is not None:
        session.memory.reseed(seed)


def take_weights(session: Session, given: Mapping[str, Any]) -> None:
    """Take over what `--weights`, `--only` and `--rename` say, and say what came of it.

    Raises `Refused` where there is no such file, `CheckpointError` where it does not fit.
    """
    only, rename = given.get("only") or None, renamed(given.get("rename", ()))
    if given["weights"] is None:
        if only or rename:
            raise Refused("--only and --rename say what is taken of --weights")
        return
    path, _ = weights_at(given["weights"])
    report = session.load(path, only, rename or None)
    if only or rename or path.suffix != ".safetensors":
        say(str(report))


def renamed(pairs: Iterable[str]) -> dict[str, str]:
    """`OLD=NEW` of `--rename`, as a dict.

    Raises `Refused` for anything else.
    """
    found = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise Refused(f"--rename has the form OLD=NEW, and not {pair}")
        found[old] = new
    return found

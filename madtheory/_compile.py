"""Compilation of the kernels, and their machine code on disk.

numba's own cache looks at the file of a function alone: an edited callee in another file went
unseen, and a damaged file was a traceback. Here machine code lies under the digest of all that it
follows from, as loaded: the byte code of the function and of every compiled function and constant
that it uses, in whatever file; the signature; processor and versions. So nothing that is stale or
foreign has the name that is looked for, and what has it is read only if its checksum holds. What
cannot be read is compiled again, what cannot be written stays in memory; nothing is an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from madtheory._linked import Linked, Stored, hold_environments

P = ParamSpec("P")
R = TypeVar("R")

VERSIONS = (sys.version, np.__version__, numba.__version__)
#: Parts of numba that it gives no types.
CONFIG: Any = numba.config
JIT: Any = numba.njit
RESULT: Any = CompileResult
DUMPS: Any = dumps
CHECKSUM = hashlib.sha256().digest_size
#: Releases of numba whose calls between kernels are known; with others each kernel is compiled by
#: itself, as numba does: a first call takes twice as long.
TRIED = "0.68."


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call, release the GIL, keep the machine code on disk."""
    return _compiled(function, False, counted=True)


def in_place(function: Callable[P, R]) -> Callable[P, R]:
    """Compile the same way what makes and returns no array, and count no references to any.

    Every array of a tuple that is passed on would be counted at each call, by an atomic addition:
    three quarters of the time of a loop with memory. Callers hold what they pass.
    """
    return _compiled(function, False, counted=False)


def reducing_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile in place, but let sums be reordered: dot products then use vector units."""
    # Only reassociation and fused multiply-add: infinities and signed zeros keep their meaning.
    return _compiled(function, {"reassoc", "contract"}, counted=False)


def _compiled(
    function: Callable[P, R], fastmath: bool | set[str], *, counted: bool
) -> Callable[P, R]:
    # Said of each: what is compiled while another one is would take its choice from that.
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath, "_nrt": counted}
    compiled = JIT(**options)(function)
    if compiled is not function:  # it is, where NUMBA_DISABLE_JIT is set
        compiled._cache = code = MachineCode(compiled)
        if numba.__version__.startswith(TRIED):
            linked = Linked(compiled, code.load_linked, code.save_linked)
            compiled.get_call_template, compiled.get_overload = linked.template, linked.key
    return cast("Callable[P, R]", compiled)


# --- what machine code follows from ---------------------------------------------------------------


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's byte code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _used(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Globals and captured values by name, and compiled functions and constants of modules."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    scope = function.__globals__ | dict(zip(function.__code__.co_freevars, cells, strict=True))
    for code in _codes(function.__code__):
        for name in (*code.co_names, *code.co_freevars):
            value = scope.get(name)
            yield name, value
            if isinstance(value, ModuleType):
                for inner in code.co_names:
                    found = getattr(value, inner, None)
                    if hasattr(found, "py_func") or isinstance(found, int | float | str | tuple):
                        yield f"{name}.{inner}", found


def _text(value: object) -> str:
    """What of a constant is compiled in."""
    if isinstance(value, CodeType | frozenset):
        return "" if isinstance(value, CodeType) else repr(sorted(map(repr, value)))
    if isinstance(value, np.ndarray):
        return repr((value.dtype.str, value.shape, value.tobytes()))
    if isinstance(value, type):
        return repr((value.__qualname__, getattr(value, "_fields", ())))
    return getattr(value, "__name__", repr(value))


@cache
def fingerprint(compiled: Any) -> str:
    """Digest of a compiled function and of all that is compiled into it, in whatever file."""
    digest, todo, seen = hashlib.sha256(), [compiled], {compiled}
    while todo:
        one = todo.pop()
        function, fastmath = one.py_func, one.targetoptions["fastmath"]
        parts = [function.__qualname__, repr(function.__defaults__)]
        parts.append(repr(sorted(fastmath) if isinstance(fastmath, set) else fastmath))
        parts.append(repr(one.targetoptions.get("_nrt", True)))
        for code in _codes(function.__code__):
            parts += [repr((code.co_code, code.co_names, code.co_varnames, code.co_argcount))]
            parts += map(_text, code.co_consts)
        for name, value in _used(function):
            parts += [name, "" if hasattr(value, "py_func") else _text(value)]
            if hasattr(value, "py_func") and value not in seen:
                seen.add(value)
                todo.append(value)
        digest.update(repr(parts).encode())
    return digest.hexdigest()[:32]


# --- the files ------------------------------------------------------------------------------------


@cache
def folders() -> tuple[Path, ...]:
    """Where machine code may lie, best first: asked for, in the package, in the user's cache."""
    package = Path(__file__).resolve().parent
    name = f"{package.name}-{hashlib.sha256(str(package).encode()).hexdigest()[:16]}"
    asked = [Path(CONFIG.CACHE_DIR) / name] if CONFIG.CACHE_DIR else []
    try:
        home = [Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / name]
    except RuntimeError:  # nobody is at home
        home = []
    return (*asked, package / "__pycache__", *home)


def _read(name: str) -> bytes | None:
    """Return what was stored under a name, whole; None when it was not."""
    for folder in folders():
        with contextlib.suppress(OSError):
            data = (folder / name).read_bytes()
            if hashlib.sha256(data[CHECKSUM:]).digest() == data[:CHECKSUM]:
                return data[CHECKSUM:]
    return None


def _write(name: str, old: str, content: bytes) -> None:
    """Store under a name, in the first place that lets one write; remove what `old` matches."""
    for folder in folders():
        temporary = folder / f".{name}.{os.urandom(6).hex()}.tmp"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(hashlib.sha256(content).digest() + content)
            temporary.replace(folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            continue
        for stale in folder.glob(old):
            if stale.name != name:
                with contextlib.suppress(OSError):
                    stale.unlink()
        return


class MachineCode(NullCache):
    """The stored overloads of one compiled function, as numba's dispatcher asks for them."""

    def __init__(self, dispatcher: Any) -> None:
        self.dispatcher = dispatcher

    def _names(self, signature: Any) -> tuple[str, str]:
        """File of an overload, and the pattern of its files for other states of the source."""
        function, codegen = self.dispatcher.py_func, self.dispatcher.targetctx.codegen()
        key = (signature, codegen.magic_tuple(), VERSIONS, CONFIG.OPT, CONFIG.BOUNDSCHECK)
        name = f"{function.__module__}.{function.__qualname__}".replace("<", "").replace(">", "")
        stem = f"{name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}"
        return f"{stem}-{fingerprint(self.dispatcher)}.nbc", f"{stem}-*.nbc"

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the stored overload, None when there is none that can be used."""
        target_context.refresh()
        try:
            payload = self._load(signature)
            return None if payload is None else RESULT._rebuild(target_context, *payload)
        except Exception:  # whatever is wrong with it: compile again
            return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Store an overload, if that is possible."""
        hold_environments(result)
        if result.library.has_dynamic_globals:  # addresses of this process
            return
        with contextlib.suppress(Exception):  # it is compiled: a cache may not fail the call
            self._save(signature, result._reduce())

    def load_linked(self, args: Any) -> Stored | None:
        """Return what was stored to be linked, None when there is none that can be used."""
        try:
            found = self._load(("linked", args))
            return None if found is None else Stored(*found)
        except Exception:
            return None

    def save_linked(self, args: Any, stored: Stored) -> None:
        """Store what is to be linked, if that is possible."""
        with contextlib.suppress(Exception):
            self._save(("linked", args), tuple(stored))

    def _load(self, signature: Any) -> Any:
        """Return what was stored for a signature, None for another one's or nothing."""
        name = self._names(signature)[0]
        content = _read(name)
        if content is None:
            return None
        named, stored, payload = pickle.loads(content)  # a file of another name, copied, is foreign
        return payload if (named, stored) == (name, signature) else None

    def _save(self, signature: Any, payload: Any) -> None:
        name, old = self._names(signature)
        _write(name, old, DUMPS((name, signature, payload)))

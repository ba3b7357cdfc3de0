"""Kernels as other kernels call them: code to be inlined, without an entry of its own.

numba makes of every compiled function machine code and a way in from Python, and does so anew for
each literal argument. A kernel that is called by another one needs neither: its code is linked into
the caller as it is and optimised there, once. That halves the time of a first call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import binding
from numba.core import compiler, event, types
from numba.core.codegen import JITCodeLibrary
from numba.core.typing.templates import make_concrete_template

#: Parts of numba that it gives no types.
LIBRARY: Any = JITCodeLibrary
COMPILER: Any = compiler
UNLITERAL: Any = types.unliteral
TEMPLATE: Any = make_concrete_template
EVENT: Any = event.trigger_event


class Stored(NamedTuple):
    """What is kept of an overload, to link it in another process."""

    bitcode: bytes
    function: Any
    signature: Any
    reload: Any
    environments: list[Any]


class Code(LIBRARY):  # type: ignore[misc]
    """Code that is optimised and run only where it is linked."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


def hold_environments(result: Any) -> None:
    """Hand what linked code refers to (for what it raises) to the code that it is in."""
    for environment in result._find_referenced_environments():
        result.library.codegen.set_env(environment.env_name, environment)


class Linked:
    """The overloads of a compiled function that other compiled functions use.

    `load` and `save` know the stored ones by their argument types.
    """

    def __init__(
        self,
        dispatcher: Any,
        load: Callable[[Any], Stored | None],
        save: Callable[[Any, Stored], None],
    ) -> None:
        self.dispatcher, self.load, self.save = dispatcher, load, save
        #: By argument types: what stands for the overload, its signature, what must be kept.
        self.overloads: dict[tuple[Any, ...], tuple[object, Any, list[Any]]] = {}

    def template(self, args: Any, kws: Any) -> tuple[Any, Any, Any, Any]:
        """Answer numba's `get_call_template`: literals are taken as any value of their type."""
        signature, args = self.dispatcher._compiler.fold_argument_types(args, kws)
        args = tuple(map(UNLITERAL, args))
        if args not in self.overloads:
            self.overloads[args] = self._found(args) or self._compiled(args)
        name, found = self.dispatcher.py_func.__name__, self.overloads.values()
        return TEMPLATE(name, key=name, signatures=[one[1] for one in found]), signature, args, {}

    def key(self, args: Any) -> object:
        """Answer numba's `get_overload`."""
        return self.overloads[tuple(args)][0]

    def _library(self) -> Any:
        return Code(self.dispatcher.targetctx.codegen(), self.dispatcher.py_func.__qualname__)

    def _inserted(self, library: Any, function: Any) -> object:
        key = object()
        self.dispatcher.targetctx.insert_user_function(key, function, [library])
        return key

    def _found(self, args: Any) -> tuple[object, Any, list[Any]] | None:
        """What a process has compiled and stored."""
        stored = self.load(args)
        if stored is None:
            return None
        library = self._library()
        library._final_module = binding.parse_bitcode(stored.bitcode)
        library._finalize_final_module()
        library._reload_init.update(stored.reload)
        return self._inserted(library, stored.function), stored.signature, stored.environments

    def _compiled(self, args: Any) -> tuple[object, Any, list[Any]]:
        one, flags = self.dispatcher, COMPILER.Flags()
        one.targetdescr.options.parse_as_flags(flags, one.targetoptions)
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        with EVENT("numba:compile", data={"dispatcher": one, "args": args, "return_type": None}):
            result = COMPILER.compile_extra(
                one.typingctx,
                one.targetctx,
                one.py_func,
                args=args,
                return_type=None,
                flags=flags,
                locals={},
                library=self._library(),
                pipeline_class=one._compiler.pipeline_class,
            )
            result.library._ensure_finalized()
        key, stored = self._inserted(result.library, result.fndesc), _stored(result)
        if not result.library.has_dynamic_globals:  # addresses of this process
            self.save(args, stored)
        return key, result.signature, [*stored.environments, result.environment]


def _stored(result: Any) -> Stored:
    library, function = result.library, result.fndesc
    function.typemap = function.calltypes = None  # as numba drops them: they may not be pickled
    code = library._get_module_for_linking().as_bitcode()
    environments = result._find_referenced_environments()
    return Stored(code, function, result.signature, library._reload_init, environments)

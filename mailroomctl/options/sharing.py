"""Offer the same options on several commands."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

type Options = Mapping[str, tuple[Any, Any]]
"""Annotation and default of each parameter by name, as typer reads them."""

_FIRST = ("stack", "console")


def with_options(
    function: Callable[..., None],
    options: Options,
    call: Callable[[dict[str, Any], dict[str, Any]], None],
    *,
    instead_of: tuple[str, ...],
    first: bool = False,
) -> Callable[..., None]:
    """Return a command like ``function`` with ``options`` in the place of its parameters ``instead_of``.

    ``call`` gets the values of the options, and those of the other parameters. The options are listed behind the
    command's own, with ``first`` before them.
    """

    def run(**values: Any) -> None:
        given = {name: values.pop(name) for name in options}
        call(given, values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.signature(function, eval_str=True)
    own = [one.replace(kind=keyword) for one in signature.parameters.values() if one.name not in instead_of]
    ours = [
        inspect.Parameter(name, keyword, annotation=annotation, default=default)
        for name, (annotation, default) in options.items()
    ]
    place = sum(one.name in _FIRST for one in own) if first else len(own)
    parameters = [*own[:place], *ours, *own[place:]]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
    run.__name__ = function.__name__
    run.__doc__ = function.__doc__
    run.function = function  # type: ignore[attr-defined]  # the console calls it with a stack of its own
    return run

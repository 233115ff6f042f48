"""The calls of AWS that a command of ``mailroomctl`` can make, read from the functions that it can reach.

From the function of a command on, names lead to functions and classes of this project, through imports; an attribute
leads to the methods of that name of the classes that were met, unless it is a method of Python's own types as well:
then only where the code says which class it is of. Whether a call is ever reached does not matter.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from keyword import iskeyword
from pathlib import Path

import botocore.session
from botocore import xform_name

ROOT = Path(__file__).parents[3]
_PACKAGES = {"mailroomctl": ROOT / "mailroomctl", "mailroom": ROOT / "layers/mailroom/mailroom"}
#: The embedded AWS is asked with keys that mean nothing elsewhere.
_LEFT_OUT = "mailroomctl.local"
_SERVICES = (
    "cloudformation", "cloudwatch", "dynamodb", "ec2", "efs", "kms", "lambda", "logs", "pipes", "s3", "ses", "sesv2",
    "sns", "sqs", "stepfunctions", "sts",
)  # fmt: skip
_BUILT_IN = {name for kind in (str, dict, list, set, tuple, int, float, bytes) for name in dir(kind)}
#: One name in several services: what it is called on says which.
type Call = tuple[str, str]


@dataclass
class _Module:
    name: str
    tree: ast.Module
    defined: dict[str, ast.AST] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Place:
    """A function, a method or a class: a module and a name in it."""

    module: str
    name: str


def commands() -> dict[str, str]:
    """Every command but those of the embedded AWS, and the module of its function: ``held list``."""
    from typer.main import get_command

    from mailroomctl.main import app

    found: dict[str, str] = {}

    def walk(command: object, words: tuple[str, ...]) -> None:
        for name, one in getattr(command, "commands", {}).items():
            walk(one, (*words, name))
        if not hasattr(command, "commands"):
            found[" ".join(words)] = words[0]

    walk(get_command(app), ())
    return {name: group for name, group in found.items() if group != "local"}


@cache
def calls(command: str) -> frozenset[Call]:
    """``{("sqs", "SendMessage"), ...}`` of one command, such as ``parked replay``."""
    group, _, name = command.partition(" ")
    group = f"{group}_mail" if iskeyword(group) else group
    module = f"mailroomctl.commands.{group.replace('-', '_')}"
    return _reachable(_Place(module, _function(module, name or group)))


def _function(module: str, name: str) -> str:
    """The function of a command: the one that is registered by the name, or is called so."""
    for node in _module(module).tree.body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                match decorator:
                    case ast.Call(func=ast.Attribute(attr="command"), args=[ast.Constant(str(given)), *_]):
                        if given == name:
                            return node.name
    return name.replace("-", "_")


@dataclass(frozen=True)
class _Reach:
    """What a function, or a class without its methods, leads to at once."""

    places: frozenset[_Place]
    attributes: frozenset[str]
    calls: frozenset[Call]


def _reachable(start: _Place) -> frozenset[Call]:
    """Go from one function to all that it can reach."""
    found: set[Call] = set()
    seen, waiting = {start}, [start]
    classes: set[_Place] = set()
    attributes: set[str] = set()
    while waiting:
        place = waiting.pop()
        reach = _reach(place)
        found |= reach.calls
        attributes |= reach.attributes
        if isinstance(_module(place.module).defined.get(place.name), ast.ClassDef):
            classes.add(place)
        methods = {
            method for kind in classes for method, name in _methods(kind) if name in attributes or name.startswith("__")
        }
        new = (reach.places | methods) - seen
        seen |= new
        waiting += new
    return frozenset(found)


@cache
def _methods(kind: _Place) -> list[tuple[_Place, str]]:
    node = _module(kind.module).defined[kind.name]
    named = [one.name for one in ast.iter_child_nodes(node) if isinstance(one, ast.FunctionDef)]
    return [(_Place(kind.module, f"{kind.name}.{name}"), name) for name in named]


@cache
def _reach(place: _Place) -> _Reach:
    module = _module(place.module)
    node = module.defined.get(place.name)
    if node is None or place.module.startswith(_LEFT_OUT):
        return _Reach(frozenset(), frozenset(), frozenset())
    parts: list[ast.AST] = [node]
    if isinstance(node, ast.ClassDef):
        fields = [one for one in node.body if not isinstance(one, ast.FunctionDef)]
        parts = [*node.bases, *node.decorator_list, *fields]
    nodes = [one for part in parts for one in ast.walk(part)]
    names = dict(module.imported)
    for one in nodes:
        names |= _imported(one)
    kinds = _kinds(nodes, module, names, place)
    places: set[_Place | None] = set()
    attributes: set[str] = set()
    for one in nodes:
        match one:
            case ast.Name(id=name):
                places.add(_resolved(name, module, names))
            case ast.Attribute(value=ast.Name(id=holder), attr=name) if holder in names and _known(names[holder]):
                places.add(_resolved(name, _module(names[holder]), {}))
            case ast.Attribute(value=holder, attr=name):
                if kind := _kind(holder, kinds, module, names):
                    places.add(_Place(kind.module, f"{kind.name}.{name}"))
                elif name not in _BUILT_IN:
                    attributes.add(name)
    found = () if isinstance(node, ast.ClassDef) else _sdk_calls(nodes, module)
    return _Reach(frozenset(one for one in places if one), frozenset(attributes), frozenset(found))


def _kinds(nodes: list[ast.AST], module: _Module, names: dict[str, str], place: _Place) -> dict[str, _Place]:
    """The classes of names in a function, as far as it says."""
    found: dict[str, _Place] = {}
    owner = place.name.partition(".")[0]
    if isinstance(module.defined.get(owner), ast.ClassDef):
        found["self"] = _Place(place.module, owner)
    for one in nodes:
        match one:
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                given = [(name, _class(annotation, module, names))]
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                given = [(name, _kind(value, {}, module, names))]
            case ast.Assign():
                pairs = _assigned(one)
                given = [(to.id, _kind(value, {}, module, names)) for to, value in pairs if isinstance(to, ast.Name)]
            case _:
                continue
        found |= {name: kind for name, kind in given if kind}
    return found


def _kind(node: ast.AST, kinds: dict[str, _Place], module: _Module, names: dict[str, str]) -> _Place | None:
    """The class of an expression: a name that is known, ``Class(...)``, or a call of a function that says so."""
    match node:
        case ast.Name(id=name):
            return kinds.get(name)
        case ast.Call(func=ast.Name(id=name)):
            place = _resolved(name, module, names)
            made = _module(place.module).defined.get(place.name) if place else None
            if place and isinstance(made, ast.ClassDef):
                return place
            if place and isinstance(made, ast.FunctionDef) and made.returns:
                there = _module(place.module)
                return _class(made.returns, there, there.imported)
    return None


def _assigned(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """What gets which value; ``a, b = 1, 2`` are two."""
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def _class(annotation: ast.expr, module: _Module, names: dict[str, str]) -> _Place | None:
    if not isinstance(annotation, ast.Name):
        return None
    place = _resolved(annotation.id, module, names)
    known = place and isinstance(_module(place.module).defined.get(place.name), ast.ClassDef)
    return place if known else None


def _resolved(name: str, module: _Module, names: dict[str, str]) -> _Place | None:
    if name in module.defined:
        return _Place(module.name, name)
    where, _, what = names.get(name, "").rpartition(".")
    if not _known(where):
        return None
    target = _module(where)
    return _Place(where, what) if what in target.defined else _resolved(what, target, target.imported)


def _imported(node: ast.AST) -> dict[str, str]:
    match node:
        case ast.ImportFrom(module=str(module), names=names):
            return {one.asname or one.name: f"{module}.{one.name}" for one in names}
        case ast.Import(names=names):
            return {one.asname or one.name: one.name for one in names}
    return {}


def _file(module: str) -> Path:
    package, *parts = module.split(".")
    path = _PACKAGES.get(package, Path("/nonexistent")).joinpath(*parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _known(module: str) -> bool:
    return bool(module) and _file(module).is_file()


@cache
def _module(name: str) -> _Module:
    found = _Module(name, ast.parse(_file(name).read_text()))
    for node in found.tree.body:
        found.imported |= _imported(node)
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                continue
            case ast.FunctionDef(name=one):
                found.defined[one] = node
            case ast.ClassDef(name=one):
                found.defined[one] = node
                methods = {
                    f"{one}.{method.name}": method for method in node.body if isinstance(method, ast.FunctionDef)
                }
                found.defined |= methods
            case ast.Assign(targets=[ast.Name(id=one)]) | ast.AnnAssign(target=ast.Name(id=one)):
                found.defined[one] = node
    return found


def _sdk_calls(nodes: list[ast.AST], module: _Module) -> Iterator[Call]:
    """The operations that a function names, as attributes or as texts."""
    # A function's own names come before those of the module, such as an attribute that another function sets.
    clients = _clients_of_module(module.name) | _clients(nodes)
    for one in nodes:
        match one:
            case ast.Attribute(value=holder, attr=name) if name in _operations():
                yield from _of(name, _service(holder, clients))
            case ast.Call(func=function, args=arguments):
                texts = [str(text.value) for text in arguments if isinstance(text, ast.Constant)]
                holders = [*arguments, *([function.value] if isinstance(function, ast.Attribute) else [])]
                for text in (one for one in texts if one in _operations()):
                    yield from _of(text, next(filter(None, (_service(one, clients) for one in holders)), ""))


#: What other libraries call as AWS calls an operation: jinja2.
_NOT_OF_AWS = {"get_template"}


def _of(name: str, service: str) -> Iterator[Call]:
    """An operation of the service, else of the only one that has it; a word of one's own is none."""
    offered = _operations()[name]
    if service in offered:
        yield service, offered[service]
    elif "_" in name and not service and name not in _NOT_OF_AWS:
        assert len(offered) == 1, f"{name} is an operation of {', '.join(offered)}: name the client after the service"
        yield from offered.items()


def _service(node: ast.AST, clients: dict[str, str]) -> str:
    """The service of what should be a client; empty where that cannot be said."""
    match node:
        case ast.Call(func=ast.Attribute(attr="client"), args=[ast.Constant(str(service)), *_]):
            return service
        case ast.Call(func=ast.Attribute(value=holder, attr="get_paginator")):
            return _service(holder, clients)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            plain = name.lstrip("_")
            return clients.get(plain, plain if plain in _SERVICES else "dynamodb" if plain == "client" else "")
    return ""


@cache
def _clients_of_module(name: str) -> dict[str, str]:
    return _clients(ast.walk(_module(name).tree))


def _clients(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """Names that are given to clients, and their services."""
    found: dict[str, str] = {}
    for node in nodes:
        for target, value in _assigned(node) if isinstance(node, ast.Assign) else ():
            service = _service(value, {})
            if service and isinstance(target, ast.Name | ast.Attribute):
                found[(target.id if isinstance(target, ast.Name) else target.attr).lstrip("_")] = service
    return found


@cache
def _operations() -> dict[str, dict[str, str]]:
    """Operations by their names in code: the services that have it, and its name there."""
    session = botocore.session.Session()
    found: dict[str, dict[str, str]] = {}
    for service in _SERVICES:
        for operation in session.get_service_model(service).operation_names:
            found.setdefault(xform_name(operation), {})[service] = operation
    return found

"""The calls of AWS's SDK that a function's code can make, read from the sources that it imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

ROOT = Path(__file__).parents[3]
LAYER = ROOT / "layers/mailroom"
#: What a client has beside its operations, and what takes the name of an operation as its argument.
_NO_CALLS = {"exceptions", "meta", "close"}
_BY_NAME = {"get_paginator", "get_waiter"}
_MAKERS = {"client", "create_client"}


@cache
def sdk_calls(app: Path, layer: Path = LAYER) -> frozenset[tuple[str, str]]:
    """``{("s3", "GetObject"), ...}``: of every client that ``app`` or a module that it imports makes.

    An operation counts where it is an attribute of something that is called a client; one of several words wherever
    it is an attribute. Whether a call is ever reached does not matter.
    """
    trees = [ast.parse(file.read_text()) for file in _imported(app, layer)]
    services = {service for tree in trees for service in _services(tree)}
    operations: dict[str, set[tuple[str, str]]] = {}
    for service in services:
        for operation in _operations(service):
            operations.setdefault(xform_name(operation), set()).add((service, operation))
    return frozenset().union(*(operations[name] for tree in trees for name in _called(tree, operations.keys())))


def _imported(app: Path, layer: Path) -> set[Path]:
    """The file, and those of the layer that it imports, directly or not; not what only a type checker imports."""
    found: set[Path] = set()
    waiting = [app]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        for module in _modules(ast.parse(file.read_text())):
            parts = module.split(".")
            for end in range(1, len(parts) + 1):
                path = layer.joinpath(*parts[:end])
                waiting += [one for one in (path / "__init__.py", path.with_suffix(".py")) if one.is_file()]
    return found


def _modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                continue
            case ast.Import(names):
                yield from (one.name for one in names)
            case ast.ImportFrom(module, names, level):
                assert not level, "imports are absolute"
                yield from (f"{module}.{one.name}" for one in names)
        yield from _modules(node)


def _services(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(str(service)), *_]) if name in _MAKERS:
                yield service
            case ast.Call(func=ast.Attribute(value=ast.Name("boto3"), attr=name)):
                raise AssertionError(f"boto3.{name} at line {node.lineno}: make a client and name its service")


def _called(tree: ast.AST, operations: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=by), args=[ast.Constant(str(name)), *_]) if by in _BY_NAME:
                yield name
            case ast.Attribute(value=holder, attr=name) if name in operations and (_is_client(holder) or "_" in name):
                yield name
            case ast.Attribute(value=holder, attr=name) if _is_client(holder):
                assert name in _NO_CALLS | _BY_NAME, f"{name} at line {node.lineno} is no operation of {operations}"


def _is_client(node: ast.expr) -> bool:
    name = {ast.Name: "id", ast.Attribute: "attr"}.get(type(node))
    return name is not None and str(getattr(node, name)).lower().endswith(("client", "dynamodb"))


@cache
def _operations(service: str) -> list[str]:
    return list(botocore.session.Session().get_service_model(service).operation_names)

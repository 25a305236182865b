"""Prints the style figures of the package and fails where a hard limit is broken.

Hard limits (exit code 1):

- a file has at most 400 lines, a function at most 70 lines, 12 branches and 7 parameters, `self` and `cls` not counted;
- every module opens with a docstring;
- modules do not import each other in a circle;
- no function hides an import of the package itself, but for the edges in `LATE`.

Medians, means and the share of comments are goals: they are printed beside the goal and do not fail.

Usage: python tools/figures.py [PACKAGE_FOLDER]
"""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

LIMITS = {"lines in a file": 400, "lines": 70, "branches": 12, "parameters": 7}
LATE = {("modelyard.facade", "modelyard.bootstrap"), ("modelyard.integrations", "modelyard.server")}
"""Rooms (importer, imported) between which an import may stand in a function.

A registry on a path is put together when it is opened; FastAPI, which Flask needs for the OpenAPI document alone, is
loaded when that is asked for.
"""

ROOT_MODULES = {"modelyard"}
"""Modules whose lazy `__getattr__` may import from the package."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Figures:
    """What was counted over all modules."""

    files: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    lines: int = 0
    comments: int = 0
    edges: dict[str, set[str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def hold(self, where: str, what: str, value: int) -> None:
        """Note that `where` is over the limit called `what`, if it is."""
        if value > LIMITS[what]:
            self.broken.append(f"{where}: {value} {what} (at most {LIMITS[what]})")


def branches(function: Function) -> int:
    """Count the ways through a function, as McCabe does: one, and one more for each decision."""
    kinds = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.comprehension, ast.match_case)
    nodes = list(ast.walk(function))
    operators = sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp))
    return 1 + operators + sum(isinstance(node, kinds) for node in nodes)


def parameters(function: Function) -> int:
    """Count the parameters that a caller has to know, keyword-only ones included."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(argument.arg not in {"self", "cls"} for argument in every)


def imported(node: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    """Yield the absolute dotted names that an import statement mentions."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = module.split(".")[: len(module.split(".")) - node.level + is_package]
            base = ".".join([*parents, *([base] if base else [])])
        yield from (f"{base}.{alias.name}" for alias in node.names)


def inner_nodes(tree: ast.Module) -> set[ast.AST]:
    """Return every node that stands inside a function."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    return {node for function in functions for node in ast.walk(function) if node is not function}


def typing_nodes(tree: ast.Module) -> set[ast.AST]:
    """Return every node under `if TYPE_CHECKING:`; such imports do not run."""
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    return {node for test in tests for statement in test.body for node in ast.walk(statement)}


def nearest(name: str, modules: dict[str, Path]) -> str | None:
    """Return the module that an imported dotted name belongs to, None outside of the package."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def room(module: str) -> str:
    """Return the room of a module: the first two parts of its name."""
    return ".".join(module.split(".")[:2])


def read_imports(figures: Figures, modules: dict[str, Path], module: str, tree: ast.Module) -> None:
    """Add the arrows that start at a module, and note the hidden ones."""
    path, inner, typing_only = modules[module], inner_nodes(tree), typing_nodes(tree)
    for node in ast.walk(tree):
        for name in imported(node, module, is_package=path.name == "__init__.py"):
            target = nearest(name, modules)
            if target is None or target == module or node in typing_only:
                continue
            if node not in inner:
                figures.edges[module].add(target)
            elif module not in ROOT_MODULES and (room(module), room(target)) not in LATE:
                figures.broken.append(f"{path}:{getattr(node, 'lineno', 0)}: hides an import of {target} in a function")


def read_module(figures: Figures, modules: dict[str, Path], module: str) -> None:
    """Count one module."""
    path = modules[module]
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    figures.files.append(len(text.splitlines()))
    figures.hold(str(path), "lines in a file", figures.files[-1])
    if not ast.get_docstring(tree):
        figures.broken.append(f"{path}: does not open with a docstring")
    figures.lines += sum(bool(line.strip()) for line in text.splitlines())
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    figures.comments += sum(token.type == tokenize.COMMENT for token in tokens)
    for node in ast.walk(tree):
        if isinstance(node, Function):
            where = f"{path}:{node.lineno}: {node.name}"
            figures.functions.append((node.end_lineno or node.lineno) - node.lineno + 1)
            figures.hold(where, "lines", figures.functions[-1])
            figures.hold(where, "branches", branches(node))
            figures.hold(where, "parameters", parameters(node))
    read_imports(figures, modules, module, tree)


def measure(folder: Path) -> Figures:
    """Count every module of the package in a folder; generated migrations are left out."""
    paths = [path for path in sorted(folder.rglob("*.py")) if "migrations/versions" not in path.as_posix()]
    names = [".".join((folder.name, *path.relative_to(folder).with_suffix("").parts)) for path in paths]
    modules = {name.removesuffix(".__init__"): path for name, path in zip(names, paths, strict=True)}
    figures = Figures(edges={module: set() for module in modules})
    for module in modules:
        read_module(figures, modules, module)
    try:
        TopologicalSorter(figures.edges).prepare()
    except CycleError as error:
        figures.broken.append(f"modules import each other in a circle: {' -> '.join(error.args[1])}")
    return figures


def report(figures: Figures) -> str:
    """Render the figures, each beside its goal."""
    files, functions = figures.files, sorted(figures.functions) or [0]
    percentile = functions[int(len(functions) * 0.95) - 1] if len(functions) > 1 else functions[0]
    share = 100 * figures.comments / max(figures.lines, 1)
    kinds = f"mean {statistics.mean(functions):7.1f} (14)   p95 {percentile} (40)  max {functions[-1]} (70)"
    lines = [
        f"files      {len(files):5d}   median {statistics.median(files):5.0f} (160)  max {max(files)} (400)",
        f"functions  {len(figures.functions):5d}   {kinds}",
        f"lines      {figures.lines:5d}   comments {share:.1f} % (3 to 6)",
    ]
    return "\n".join(lines)


def main() -> int:
    """Print the figures of a package and what breaks a limit; return the exit code."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "src/modelyard")
    if not any(folder.rglob("*.py")):
        print(f"figures: {folder} holds no Python file", file=sys.stderr)
        return 2
    figures = measure(folder)
    print(report(figures))
    for line in figures.broken:
        print(f"over       {line}")
    return 1 if figures.broken else 0


if __name__ == "__main__":
    sys.exit(main())

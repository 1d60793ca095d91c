"""Every call of the adapter exists in Isaac Gym, by the signatures in the package `isaacgym-stubs`."""

from __future__ import annotations

import ast
import importlib.metadata
from pathlib import Path
from typing import Dict, Iterator, List, Set

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    *sorted((ROOT / "humanoid_envs" / "simulators").glob("isaacgym*.py")),
    ROOT / "examples" / "check_isaacgym.py",
)
STANDIN = ROOT / "tests" / "isaacgym_standin" / "isaacgym"


@pytest.fixture(scope="module")
def stubs() -> ast.Module:
    try:
        distribution = importlib.metadata.distribution("isaacgym-stubs")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("isaacgym-stubs is not installed")
    text = Path(str(distribution.locate_file("isaacgym-stubs/gymapi.pyi"))).read_text()
    # Two attributes of the original are named like a keyword, so the file is not quite Python.
    return ast.parse(text.replace("lambda:", "lambda_:").replace("def lambda(", "def lambda_("))


def classes(module: ast.Module) -> Dict[str, ast.ClassDef]:
    return {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}


def names_of(module: ast.Module) -> Set[str]:
    """What `gymapi.<name>` may be."""
    names = {node.name for node in module.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    targets = (node.target for node in module.body if isinstance(node, ast.AnnAssign))
    return names | {target.id for target in targets if isinstance(target, ast.Name)}


def methods(kind: ast.ClassDef) -> Dict[str, List[ast.arguments]]:
    """By name; several for an overloaded one."""
    found: Dict[str, List[ast.arguments]] = {}
    for node in kind.body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(node.args)
    return found


def attributes(kind: ast.ClassDef) -> Set[str]:
    targets = (node.target for node in kind.body if isinstance(node, ast.AnnAssign))
    return {target.id for target in targets if isinstance(target, ast.Name)}


def calls_of_gym(tree: ast.AST) -> Iterator[ast.Call]:
    """`gym.…(…)` and `….gym.…(…)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if getattr(owner, "id", getattr(owner, "attr", None)) == "gym":
                yield node


def fits(call: ast.Call, arguments: ast.arguments) -> bool:
    if arguments.vararg:
        return True
    names = [argument.arg for argument in arguments.args][1:]
    given = set(names[: len(call.args)]) | {str(keyword.arg) for keyword in call.keywords}
    needed = set(names[: len(names) - len(arguments.defaults)])
    return len(call.args) <= len(names) and needed <= given <= set(names)


def test_calls_fit_the_signatures(stubs: ast.Module) -> None:
    gym, seen = methods(classes(stubs)["Gym"]), set()
    for source in SOURCES:
        for call in calls_of_gym(ast.parse(source.read_text())):
            assert isinstance(call.func, ast.Attribute)
            name, where = call.func.attr, f"{source.name}:{call.lineno}"
            assert name in gym, f"{where}: Gym has no method {name}"
            assert any(fits(call, arguments) for arguments in gym[name]), (
                f"{where}: {name} has other arguments"
            )
            seen.add(name)
    assert {"create_sim", "simulate", "set_actor_root_state_tensor_indexed", "get_camera_image"} <= seen


def test_names_of_gymapi_exist(stubs: ast.Module) -> None:
    known, seen = names_of(stubs), set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "gymapi":
                assert node.attr in known, f"{source.name}:{node.lineno}: there is no gymapi.{node.attr}"
                seen.add(node.attr)
    assert {"acquire_gym", "AssetOptions", "DOF_MODE_EFFORT"} <= seen


def test_wrong_calls_would_be_noticed(stubs: ast.Module) -> None:
    gym = methods(classes(stubs)["Gym"])
    good, extra, misnamed, missing = (
        next(calls_of_gym(ast.parse(text)))
        for text in (
            "self.gym.set_actor_rigid_body_properties(env, actor, props, recomputeInertia=True)",
            "gym.simulate(sim, True)",
            "gym.set_actor_rigid_body_properties(env, actor, props, recompute_inertia=True)",
            "gym.set_actor_root_state_tensor_indexed(sim, buffer, indices)",
        )
    )
    assert all(fits(good, arguments) for arguments in gym["set_actor_rigid_body_properties"])
    assert not any(fits(extra, arguments) for arguments in gym["simulate"])
    assert not any(fits(misnamed, arguments) for arguments in gym["set_actor_rigid_body_properties"])
    assert not any(fits(missing, arguments) for arguments in gym["set_actor_root_state_tensor_indexed"])


def test_the_standin_has_the_originals_attributes_and_signatures(stubs: ast.Module) -> None:
    """What passes on the stand-in may then be used on the original."""
    original = classes(stubs)
    records = classes(ast.parse((STANDIN / "_records.py").read_text()))
    for name in sorted(set(records) & set(original) - {"Tensor"}):
        fields = {
            target.id
            for node in records[name].body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        if fields and not any(getattr(base, "attr", "") == "IntEnum" for base in records[name].bases):
            assert fields <= attributes(original[name]), name
    own = classes(ast.parse((STANDIN / "gymapi.py").read_text()))["Gym"]
    for name, signatures in methods(own).items():
        if not name.startswith("_"):
            theirs = methods(original["Gym"])[name]
            assert any(_as_many(signatures[0], other) for other in theirs), name


def _as_many(ours: ast.arguments, theirs: ast.arguments) -> bool:
    return theirs.vararg is not None or len(ours.args) == len(theirs.args)

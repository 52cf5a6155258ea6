"""The package is for Python 3.9: it has no newer syntax, and names nothing of the standard library that came later."""

import ast
import pathlib
import sys
import unittest

import captcha_remote

FOLDER = pathlib.Path(captcha_remote.__file__).parent
OLDEST = (3, 9)
# What came after 3.9, of the modules that the package uses or may come to use.
NEWER = {
    "asyncio": {"timeout", "timeout_at", "TaskGroup", "Runner", "Barrier", "BrokenBarrierError", "eager_task_factory"},
    "base64": {"z85encode", "z85decode"},
    "contextlib": {"aclosing", "AsyncContextDecorator", "chdir"},
    "dataclasses": {"KW_ONLY"},
    "datetime": {"UTC"},
    "enum": {"StrEnum", "verify", "member", "nonmember", "property", "global_enum"},
    "hashlib": {"file_digest"},
    "inspect": {"get_annotations", "getasyncgenstate", "markcoroutinefunction", "BufferFlags", "getmembers_static"},
    "itertools": {"pairwise", "batched"},
    "math": {"cbrt", "exp2", "sumprod", "fma"},
    "operator": {"call"},
    "os": {"process_cpu_count", "unshare"},
    "queue": {"ShutDown"},
    "random": {"binomialvariate"},
    "ssl": {"VERIFY_ALLOW_PROXY_CERTS"},
    "threading": {"getprofile", "gettrace", "setprofile_all_threads", "settrace_all_threads"},
    "types": {"NoneType", "EllipsisType", "NotImplementedType", "UnionType", "get_original_bases", "CapsuleType"},
    "typing": {
        *("Concatenate", "ParamSpec", "ParamSpecArgs", "ParamSpecKwargs", "TypeAlias", "TypeGuard", "is_typeddict"),
        *("LiteralString", "Never", "NotRequired", "Required", "Self", "TypeVarTuple", "Unpack", "assert_never"),
        *("assert_type", "clear_overloads", "dataclass_transform", "get_overloads", "reveal_type"),
        *("TypeAliasType", "override", "NoDefault", "ReadOnly", "TypeIs", "get_protocol_members", "is_protocol"),
    },
}
NEWER_MODULES = {"tomllib", "wsgiref.types", "compression", "annotationlib", "string.templatelib"}
NEWER_BUILTINS = {"aiter", "anext", "EncodingWarning", "ExceptionGroup", "BaseExceptionGroup", "PythonFinalizationError"}
NEWER_METHODS = {"add_note", "bit_count", "uncancel", "cancelling"}
NEWER_KEYWORDS = {
    "zip": {"strict"},
    "map": {"strict"},
    "dataclass": {"slots", "kw_only", "weakref_slot"},
    "create_task": {"context", "eager_start"},
}
# With | between them they are a type, which only 3.10 can evaluate.
TYPES = {"str", "int", "float", "bool", "bytes", "dict", "list", "tuple", "set", "type", "object"}


def newer(tree):
    """Names of what the tree uses and 3.9 has not. Annotations count only where they are evaluated."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                modules[one.asname or one.name.split(".")[0]] = one.name
                if one.name in NEWER_MODULES:
                    yield one.name
        elif isinstance(node, ast.ImportFrom):
            if node.module in NEWER_MODULES:
                yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names if one.name in NEWER.get(node.module, ()))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            module = modules.get(node.value.id) if isinstance(node.value, ast.Name) else None
            if node.attr in NEWER.get(module, ()) or node.attr in NEWER_METHODS:
                yield f"{module or '.'}.{node.attr}"
        elif isinstance(node, ast.Name) and node.id in NEWER_BUILTINS:
            yield node.id
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield from (f"{name}({one.arg}=)" for one in node.keywords if one.arg in NEWER_KEYWORDS.get(name, ()))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            for side in (node.left, node.right):
                if (isinstance(side, ast.Constant) and side.value is None) or getattr(side, "id", "") in TYPES:
                    yield "X | Y"


def stdlib_only(tree):
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        yield from (name.split(".")[0] for name in names)


class Python39Test(unittest.TestCase):
    def files(self):
        found = sorted(FOLDER.glob("*.py"))
        self.assertGreater(len(found), 8)
        for path in found:
            with self.subTest(path.name):
                yield path, ast.parse(path.read_text("utf-8"), path.name, feature_version=OLDEST)

    def test_no_newer_syntax_and_no_newer_part_of_the_library(self):
        for _path, tree in self.files():
            self.assertEqual(sorted(set(newer(tree))), [])

    def test_the_check_finds_what_is_newer(self):
        for text in (
            "import asyncio as a\na.timeout(1)",
            "from typing import Self",
            "zip(a, b, strict=True)",
            "error.add_note('x')",
            "Thing = str | None",
            "import tomllib",
            "await anext(x)",
        ):
            self.assertTrue(list(newer(ast.parse(text))), text)
        for text in ("match x:\n  case 1: pass", "try: pass\nexcept* E: pass"):
            with self.assertRaises(SyntaxError):
                ast.parse(text, feature_version=OLDEST)

    def test_nothing_but_the_standard_library(self):
        allowed = set(getattr(sys, "stdlib_module_names", ()))
        for path, tree in self.files():
            others = {name for name in stdlib_only(tree) if allowed and name not in allowed}
            self.assertLessEqual(others, {"websockets"} if path.name == "relay.py" else set())

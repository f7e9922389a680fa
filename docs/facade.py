"""Write src/t2c/verbs.py: every verb as a typed method of a store, its signature and docstring taken from the verb itself."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from t2c.schemas.specs.base import Spec

TARGET = Path(__file__).parents[1] / "src" / "t2c" / "verbs.py"

VERBS = {
    "index": "flows.data.index:index",
    "retry": "flows.data.retry:retry",
    "import_attributes": "flows.data.table_imports:import_attributes",
    "import_predictions": "flows.data.table_imports:import_predictions",
    "import_features": "flows.features.imports:import_features",
    "export_features": "flows.features.exports:export_features",
    "extract": "flows.features.extract:extract",
    "align": "flows.maps.align:align",
    "import_map": "flows.maps.listed:import_map",
    "export_map": "flows.maps.exports:export_map",
    "measure_map": "flows.maps.listed:measure_map",
    "add_concepts": "flows.concepts.banks:add_concepts",
    "import_concepts": "flows.features.imports:import_concepts",
    "concepts_from_head": "flows.concepts.from_head:from_head",
    "carry_concepts": "flows.concepts.map_concepts:carry",
    "propose_concepts": "flows.concepts.propose:propose_concepts",
    "refine_concept": "flows.concepts.refine:refine_concept",
    "score": "flows.scores.score:score",
    "trust": "flows.trust.trust:trust",
    "summary": "flows.scores.ask:summary",
    "top": "flows.scores.ask:top",
    "find": "flows.scores.ask:find",
    "shift": "flows.shift.shift:shift",
    "selftest": "flows.selftest.selftest:selftest",
    "zeroshot": "flows.zeroshot.zeroshot:zeroshot",
    "sql": "store.queries.user_sql:run_user_sql",
    "classes": "flows.reading.reading:class_ranks",
    "hard": "flows.reading.hard_images:hard_images",
    "cooccur": "flows.reading.reading:concept_pairs",
    "slices": "flows.reading.slices:model_slices",
    "fit_bottleneck": "flows.bottleneck.fit:fit_bottleneck",
    "explain_images": "flows.bottleneck.use:explain_images",
    "bottleneck_errors": "flows.bottleneck.use:bottleneck_errors",
    "edit_bottleneck": "flows.bottleneck.use:edit_bottleneck",
    "decode": "flows.decode.decode:decode",
    "make_study": "flows.study.make:make",
    "read_study": "flows.study.read:read",
    "suite": "flows.suite.suite:suite",
    "pairs": "flows.laboratory.pairs:pairs",
    "curves": "flows.laboratory.curves:curves",
    "components": "flows.laboratory.components:components",
    "objectives": "flows.objectives.objectives:objectives",
    "prompt": "flows.concepts.prompt:prompt",
    "report": "flows.report.write:report",
    "explain": "flows.upkeep.explain:explain",
    "verify": "store.artifacts.verify:verify",
    "compact": "flows.scores.compact:compact",
    "gc": "store.disk.gc:gc",
}
"""Method -> the function behind it; in the order in which a user meets them."""

HEAD = '''"""Every verb as a method of an open store. Written from the verbs by `make docs`; a test fails when it is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from t2c.flows.engine.shown import TableAnswer
from t2c.handle import Handle

if TYPE_CHECKING:
{imports}


class Store(Handle):
    """An open store: every command of t2c as a method of the same meaning; `t2c.open` makes one."""
'''

METHOD = '''
    def {method}({parameters}) -> {returns}:
        """{doc}"""
        from t2c.{module} import {function}
{specs}
        return {wrap}
'''

SPEC = """        from {module} import {spec}
        from t2c.schemas.specs.yaml import spec_errors

        with spec_errors("{method}", {spec}):
            {name} = {spec}({fields})
"""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb's source: its function, and what its module imports."""

    method: str
    """Name of the method."""
    module: str
    """Module of the function, without `t2c.`."""
    function: ast.FunctionDef
    """Its definition."""
    bindings: dict[str, str]
    """Name -> the statement that imports it, for every name that the module binds by an import or defines."""
    defaults: dict[str, object]
    """Parameter -> its default value."""
    specs: dict[str, type[Spec]]
    """Parameter -> the spec it takes; each of its fields is a parameter of the method."""


def read(method: str, place: str) -> Verb:
    """Return a verb from where it is defined."""
    module, name = place.split(":")
    loaded = importlib.import_module(f"t2c.{module}")
    tree = ast.parse(inspect.getsource(loaded))
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    bindings: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            bindings |= {a.asname or a.name: f"from {node.module} import {_alias(a)}" for a in node.names}
        elif isinstance(node, ast.Import):
            bindings |= {a.asname or a.name: f"import {_alias(a)}" for a in node.names}
        elif isinstance(node, ast.ClassDef | ast.Assign):
            names = [node.name] if isinstance(node, ast.ClassDef) else [ast.unparse(target) for target in node.targets]
            bindings |= {defined: f"from t2c.{module} import {defined}" for defined in names}
    signature = inspect.signature(getattr(loaded, name))
    defaults = {key: p.default for key, p in signature.parameters.items() if p.default is not p.empty}
    specs = {key: type(value) for key, value in defaults.items() if isinstance(value, Spec)}
    return Verb(method, module, function, bindings, defaults, specs)


def documentation(verb: Verb) -> str:
    """Return a verb's docstring, and what each field of its specs says of itself."""
    paragraphs = inspect.cleandoc(ast.get_docstring(verb.function) or "").split("\n\n")
    fields = [
        textwrap.fill(f"`{name}`: {field.description}", 116, subsequent_indent="  ", break_on_hyphens=False)
        for spec in verb.specs.values()
        for name, field in spec.model_fields.items()
    ]
    errors = [paragraph for paragraph in paragraphs if paragraph.startswith("Raises ")]
    rest = [paragraph for paragraph in paragraphs if paragraph not in errors]
    return "\n\n".join([*rest, *(["\n".join(fields)] if fields else []), *errors])


def _indented(text: str) -> str:
    doc = textwrap.indent(text, " " * 8).strip()
    return f"{doc}\n        " if "\n" in doc else doc


def _parameter(verb: Verb, argument: ast.arg) -> str:
    default = f" = {_default(verb, argument.arg)}" if argument.arg in verb.defaults else ""
    return f"{argument.arg}: {_annotation(argument)}{default}"


def _spec_parameters(spec: type[Spec]) -> list[str]:
    """Return the parameters that stand for the fields of a spec."""
    return [f"{name}: {_type_text(field.annotation)} = {field.default!r}" for name, field in spec.model_fields.items()]


def _type_text(annotation: object) -> str:
    """Return a field's type as source: a plain class by its name, anything else as typing shows it."""
    plain = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return plain.replace("typing.", "").replace("NoneType", "None")


def _spec_made(verb: Verb, name: str, spec: type[Spec]) -> str:
    fields = ", ".join(f"{field}={field}" for field in spec.model_fields)
    return SPEC.format(module=spec.__module__, spec=spec.__name__, name=name, method=verb.method, fields=fields)


def _alias(name: ast.alias) -> str:
    return f"{name.name} as {name.asname}" if name.asname else name.name


def _default(verb: Verb, name: str) -> str:
    value = verb.defaults[name]
    plain = value is None or isinstance(value, str | int | float | bool | tuple)
    assert plain, f"{verb.method}({name}=): a default that can be written out"
    return repr(value)


def method(verb: Verb) -> str:
    """Return the method's source."""
    arguments = verb.function.args
    assert not arguments.vararg, f"{verb.method}: every parameter is written out"
    assert not arguments.kwarg, f"{verb.method}: every parameter is written out"
    positional, keywords = arguments.args[1:], arguments.kwonlyargs
    shown = ["self", *(_parameter(verb, argument) for argument in positional), *(["*"] if keywords else [])]
    for argument in keywords:
        shown += (
            _spec_parameters(verb.specs[argument.arg]) if argument.arg in verb.specs else [_parameter(verb, argument)]
        )
    call = ["self._store", *(argument.arg for argument in positional), *(f"{name.arg}={name.arg}" for name in keywords)]
    called = f"{verb.function.name}({', '.join(call)})"
    table = _text(verb.function.returns) == "pa.Table"
    return METHOD.format(
        method=verb.method,
        parameters=", ".join(shown),
        returns="TableAnswer" if table else _text(verb.function.returns),
        doc=_indented(documentation(verb)),
        module=verb.module,
        function=verb.function.name,
        specs="".join(_spec_made(verb, name, spec) for name, spec in verb.specs.items()),
        wrap=f"TableAnswer({called})" if table else called,
    )


def _annotation(argument: ast.arg) -> str:
    return _text(argument.annotation)


def _text(annotation: ast.expr | None) -> str:
    """Return an annotation as source, without the quotes of forward references: in the module every annotation is text."""
    assert annotation is not None
    literal = "Literal" in ast.unparse(annotation)
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not literal:
            return ast.unparse(annotation).replace(repr(node.value), node.value)
    return ast.unparse(annotation)


def imports(verbs: list[Verb]) -> str:
    """Return the statements that bring every name that the annotations use."""
    statements = set()
    for verb in verbs:
        arguments = (*verb.function.args.args[1:], *verb.function.args.kwonlyargs)
        nodes = [argument.annotation for argument in arguments if argument.arg not in verb.specs]
        for node in (*nodes, verb.function.returns):
            for name in re.findall(r"[A-Za-z_]\w*", _text(node)):
                if name in verb.bindings:
                    statements.add(verb.bindings[name])
        if any("Literal[" in text for spec in verb.specs.values() for text in _spec_parameters(spec)):
            statements.add("from typing import Literal")
    return "\n".join(f"    {statement}" for statement in sorted(statements))


def facade() -> str:
    """Return the source of the module, formatted."""
    verbs = [read(method, place) for method, place in VERBS.items()]
    source = HEAD.format(imports=imports(verbs)) + "".join(method(verb) for verb in verbs)
    for command in (["check", "--select", "I,F401", "--fix"], ["format"]):
        ruff = [str(Path(sys.executable).with_name("ruff")), *command, "--quiet", "--stdin-filename", str(TARGET), "-"]
        source = subprocess.run(ruff, input=source, capture_output=True, text=True, check=True).stdout
    return source


def api_page() -> str:
    """Return the page of the Python interface: every method with its parameters and its docstring."""
    parts = [
        "# The Python interface",
        '`t2c.open("t2c-store")` returns a store; every command is a method of it. A report shows itself: text with `print`, a '
        "table with pictures in a notebook; `to_arrow()` and `to_pandas()` return the table behind it. Errors are those of "
        "`t2c.schemas.errors`, each also a builtin.",
    ]
    for name, place in VERBS.items():
        verb = read(name, place)
        lines = [line for line in method(verb).splitlines() if line.strip()]
        shown = re.sub(r"self(?:, )?", "", lines[0].strip().removeprefix("def ").removesuffix(":"), count=1)
        parts.append(f"## {name}\n\n```python\nstore.{_wrapped(shown)}\n```\n\n{_listed(documentation(verb))}")
    return "\n\n".join(parts) + "\n"


def _listed(text: str) -> str:
    """Return documentation with its fields as a list."""
    return re.sub(r"^(`\w+`: )", r"- \1", text, flags=re.MULTILINE)


def _wrapped(signature: str) -> str:
    """Return a signature with a parameter a line where it is long."""
    if len(signature) < 100:
        return signature
    head, _, rest = signature.partition("(")
    inside, _, returns = rest.rpartition(") -> ")
    parameters = re.split(r", (?=\*|\w+:)", inside)
    return f"{head}(\n" + "".join(f"    {parameter},\n" for parameter in parameters) + f") -> {returns}"

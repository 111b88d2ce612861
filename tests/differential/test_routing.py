"""Routing, beside Werkzeug's: random rules, and random paths, values, hosts and requests."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from hypothesis import assume, given
from hypothesis import strategies as st
from werkzeug import datastructures as their_data
from werkzeug import exceptions as their_errors
from werkzeug import routing as theirs
from werkzeug.routing import converters as their_converters

from dovetail.data import exceptions as our_errors
from dovetail.data.multidict import MultiDict
from dovetail.routing import converters as our_converters
from dovetail.routing import exceptions as our_routing_errors
from dovetail.routing import factories
from dovetail.routing.map import Map
from dovetail.routing.parts import parse_converter_args
from dovetail.routing.rules import Rule

Spec: TypeAlias = tuple[str, dict[str, Any]]
Step: TypeAlias = Callable[[], Any]


class Package(NamedTuple):
    """The names of one of the two packages."""

    map: Any
    rule: Any
    redirect: type[Exception]
    method_not_allowed: type[Exception]
    build_error: type[Exception]
    multidict: Any
    factories: Any
    converters: Any
    parse_converter_args: Any


OURS = Package(
    Map,
    Rule,
    our_routing_errors.RequestRedirect,
    our_errors.MethodNotAllowed,
    our_routing_errors.BuildError,
    MultiDict,
    factories,
    our_converters,
    parse_converter_args,
)
THEIRS = Package(
    theirs.Map,
    theirs.Rule,
    theirs.RequestRedirect,
    their_errors.MethodNotAllowed,
    theirs.BuildError,
    their_data.MultiDict,
    theirs,
    their_converters,
    theirs.parse_converter_args,
)


def told(package: Package, call: Step) -> Any:
    """Return what a call came to."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result: Any = call()
        except package.redirect as error:
            result = "redirect", error.new_url  # type: ignore[attr-defined]
        except package.method_not_allowed as error:
            result = "allowed", sorted(error.valid_methods)  # type: ignore[attr-defined]
        except package.build_error as error:
            result = "no URL", str(error)
        except Exception as error:
            result = "raised", type(error).__name__
    return result, [str(warning.message) for warning in caught]


def both(work: Callable[[Package], Iterable[Step]]) -> None:
    """Do the same with both packages and compare what each step comes to."""
    assert all_told(OURS, work) == all_told(THEIRS, work)


def all_told(package: Package, work: Callable[[Package], Iterable[Step]]) -> list[Any]:
    """Return what all steps came to; between the steps maps are made, which may fail as well."""
    results = []
    try:
        for step in work(package):
            results.append(told(package, step))
    except Exception as error:
        results.append(type(error).__name__)
    return results


def make_map(package: Package, specs: Iterable[Spec], **options: Any) -> Any:
    return package.map(
        [
            package.rule(string, **{"endpoint": f"{number}:{string}", **arguments})
            for number, (string, arguments) in enumerate(specs)
        ],
        **options,
    )


# ---------------------------------------------------------------------------------- matching

LITERALS = ["a", "b", "ab", "abb", "1", "12", "1.5", "-", "a-b", "x.y", "é", "a b"]
VARIABLES = [
    *("<{}>", "<int:{}>", "<path:{}>", "<float:{}>", "<any(a,ab,b):{}>", "<string(length=2):{}>"),
    *("<string(maxlength=2):{}>", "<int(signed=True):{}>", "<string(minlength=2):{}>"),
]


def named(pieces: list[str]) -> str:
    """Give each variable a name of its own, the same in rules of one shape."""
    return "".join(piece.format(f"v{number}") for number, piece in enumerate(pieces))


segments = st.one_of(
    st.sampled_from(LITERALS).map(lambda text: [text]),
    st.sampled_from(VARIABLES).map(lambda text: [text]),
    st.lists(st.sampled_from(["a", "b", "-", "1", "ab", *VARIABLES]), min_size=1, max_size=4),
)


@st.composite
def rule_strings(draw: st.DrawFn) -> str:
    pieces = ["/"]
    for segment in draw(st.lists(segments, max_size=4)):
        if pieces[-1] != "/":
            pieces.append("/")
        pieces += segment
    if draw(st.booleans()) and pieces[-1] != "/":
        pieces.append("/")
    return named(pieces)


# What may stand for a variable, whether its converter takes it or not.
TEXTS = ["a", "b", "ab", "abb", "1", "12", "-1", "1.5", "a-b", "é", "b\n", "a/b", "b//a", "-", ""]
_variable = re.compile("<[^>]*>")


def filled(draw: st.DrawFn, rule: str) -> str:
    """A path that the rule matches, or nearly so."""
    path = _variable.sub(lambda _: draw(st.sampled_from(TEXTS)), rule)
    change = draw(st.sampled_from(["", "", "", "slash", "leaf", "double", "front", "more"]))
    if change == "slash":
        return f"{path}/"
    if change == "leaf":
        return path.removesuffix("/")
    if change == "double":
        return path.replace("/", "//", 2)
    if change == "front":
        return path.lstrip("/")
    return f"{path}/a" if change == "more" else path


methods = st.none() | st.lists(st.sampled_from(["GET", "POST", "PUT"]), max_size=2)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    arguments: dict[str, Any] = {"methods": draw(methods)}
    if draw(st.integers(0, 5)) == 0:
        arguments["strict_slashes"] = draw(st.booleans())
    if draw(st.integers(0, 5)) == 0:
        arguments["merge_slashes"] = draw(st.booleans())
    if draw(st.integers(0, 9)) == 0:
        arguments["websocket"] = True
        arguments["methods"] = draw(st.sampled_from([None, ["GET"], ["OPTIONS"]]))
    if draw(st.integers(0, 9)) == 0:
        arguments["build_only"] = True
    return draw(rule_strings()), arguments


@st.composite
def rules_and_paths(draw: st.DrawFn) -> tuple[list[Spec], list[str]]:
    rules = draw(st.lists(specs(), min_size=2, max_size=7))
    strings = [string for string, _ in rules]
    tried = [filled(draw, draw(st.sampled_from(strings))) for _ in range(8)]
    return rules, [*tried, draw(st.text("/ab1-.\n", max_size=8))]


@given(rules_and_paths(), st.booleans(), st.booleans())
def test_match(case: tuple[list[Spec], list[str]], strict: bool, merge: bool) -> None:
    rules, tried = case

    def work(package: Package) -> Iterable[Step]:
        options = {"strict_slashes": strict, "merge_slashes": merge}
        adapter = make_map(package, rules, **options).bind("example.org", "/mount")
        for path in tried:
            for method in ("GET", "PUT"):
                yield partial(adapter.match, path, method)
            yield partial(adapter.match, path, websocket=True)

    both(work)


one_segment = st.lists(st.sampled_from(["a", "b", "-", *VARIABLES]), min_size=1, max_size=4).map(
    lambda pieces: "/" + named(pieces)
)


@given(
    st.lists(one_segment, min_size=2, max_size=8) | st.lists(one_segment, min_size=9, max_size=12),
    st.lists(st.text("ab-1", min_size=1, max_size=7), min_size=1, max_size=8),
)
def test_weights_within_a_segment(rules: list[str], tried: list[str]) -> None:
    def work(package: Package) -> Iterable[Step]:
        adapter = make_map(package, [(rule, {}) for rule in rules]).bind("example.org")
        for path in tried:
            yield partial(adapter.match, f"/{path}")

    both(work)


many_segments = st.lists(
    st.sampled_from(["a", "b", "<{}>", "<int:{}>", "<path:{}>", "a<path:{}>", "<path:{}>b"]),
    min_size=1,
    max_size=4,
).map(lambda pieces: named([f"/{piece}" for piece in pieces]))


@given(
    st.lists(many_segments, min_size=2, max_size=8),
    st.lists(st.text("ab1/", min_size=1, max_size=9), min_size=1, max_size=8),
)
def test_weights_of_paths(rules: list[str], tried: list[str]) -> None:
    def work(package: Package) -> Iterable[Step]:
        adapter = make_map(package, [(rule, {}) for rule in rules]).bind("example.org")
        for path in tried:
            yield partial(adapter.match, f"/{path}")

    both(work)


USERS = [
    "<groups:{}>",
    "<slashes:{}>",
    "<anything:{}>",
    "<light:{}>",
    "<loose(a,b):{}>",
    "<upper:{}>",
]


def user_converters(package: Package) -> dict[str, type]:
    """Converters such as applications write."""
    base = package.converters.BaseConverter

    def with_texts(self: Any, url_map: Any, *texts: str) -> None:
        base.__init__(self, url_map, *texts)
        self.regex = "/".join(texts)

    def upper(self: Any, value: str) -> str:
        return value.upper()

    return {
        "groups": type("Groups", (base,), {"regex": "(a|b)(?P<rest>1)?"}),
        "slashes": type("Slashes", (base,), {"regex": "a(?:/b)*"}),
        "anything": type("Anything", (base,), {"regex": ".*?", "part_isolating": False}),
        "light": type("Light", (base,), {"regex": "[ab]+", "weight": 10}),
        "loose": type("Loose", (base,), {"part_isolating": False, "__init__": with_texts}),
        "upper": type("Upper", (base,), {"to_python": upper, "to_url": upper}),
    }


user_rules = st.lists(
    st.lists(st.sampled_from(["a", "b", "-", *USERS, "<{}>"]), max_size=3), min_size=1, max_size=3
).map(lambda segments: named(["/", *[piece for each in segments for piece in [*each, "/"]]]))


@given(
    st.lists(user_rules | user_rules.map(lambda rule: rule[:-1] or "/"), min_size=1, max_size=5),
    st.lists(st.text("ab-1/\n", max_size=8), min_size=1, max_size=8),
)
def test_user_converters(rules: list[str], tried: list[str]) -> None:
    # The same name twice for a group is an error in both, but not at the same time.
    assume(all(rule.count("<groups") < 2 for rule in rules))

    def work(package: Package) -> Iterable[Step]:
        specs: list[Spec] = [(rule, {}) for rule in rules]
        adapter = make_map(package, specs, converters=user_converters(package)).bind("h.org")
        for path in tried:
            yield partial(adapter.match, f"/{path}")
        for number, rule in enumerate(rules):
            values = dict.fromkeys(("v0", "v1", "v2", "v3", "v4", "v5"), "a/b é")
            yield partial(adapter.build, f"{number}:{rule}", values, append_unknown=False)

    both(work)


# ------------------------------------------------------------------------------------- hosts

DOMAINS = ["", "a", "www", "a.b", "<{}>", "<{}>.a", "a.<{}>", "<int:{}>", "<any(a,www):{}>"]


@st.composite
def domain_cases(draw: st.DrawFn) -> tuple[list[Spec], list[str], str]:
    """Rules with domains, domains to bind to, and the name of the rules' argument."""
    argument = draw(st.sampled_from(["subdomain", "host"]))
    rules: list[Spec] = []
    for _ in range(draw(st.integers(1, 5))):
        domain = draw(st.sampled_from(DOMAINS)).format("d")
        path = draw(st.sampled_from(["/", "/a", "/a/", "/<v>", "/<path:v>", "/<int:v>/"]))
        rules.append((path, {argument: domain}))
    names = st.sampled_from(["", "a", "www", "a.b", "b.a", "1", "1.a", "x", "A", "é"])
    return rules, draw(st.lists(names, min_size=1, max_size=4)), argument


@given(domain_cases(), st.sampled_from(["", "www", "a"]), st.sampled_from(["http", "https", "ws"]))
def test_domains(case: tuple[list[Spec], list[str], str], default: str, scheme: str) -> None:
    rules, domains, argument = case

    def work(package: Package) -> Iterable[Step]:
        hosts = argument == "host"
        url_map = make_map(package, rules, default_subdomain=default, host_matching=hosts)
        for domain in domains:
            if hosts:
                adapter = url_map.bind(domain, url_scheme=scheme)
            else:
                adapter = url_map.bind("h.org", subdomain=domain or None, url_scheme=scheme)
            for path in ("/", "/a", "/a/", "/1", "//a"):
                yield partial(adapter.match, path)
            for number, (path, _) in enumerate(rules):
                for values in ({"v": 1}, {"v": "a", "d": "a"}, {"v": 1, "d": 1, "q": "é"}):
                    yield partial(adapter.build, f"{number}:{path}", values)

    both(work)


# --------------------------------------------------------------- defaults, aliases, redirects


rule_defaults = st.dictionaries(
    st.sampled_from(["x", "y"]), st.sampled_from([1, 2, "a"]), max_size=2
)


@st.composite
def families(draw: st.DrawFn) -> list[Spec]:
    """Rules of few endpoints, so that they provide defaults for each other."""
    strings = [
        "/",
        "/a",
        "/<int:x>",
        "/<x>/",
        "/<int:x>/<y>",
        "/b/<int:x>",
        "/b/<y>/<int:x>",
        "/c/",
    ]
    rules = []
    for _ in range(draw(st.integers(2, 7))):
        arguments: dict[str, Any] = {"endpoint": draw(st.sampled_from(["e", "f"]))}
        if draw(st.booleans()):
            arguments["defaults"] = draw(rule_defaults)
        arguments["methods"] = draw(methods)
        if draw(st.integers(0, 4)) == 0:
            arguments["alias"] = True
        if draw(st.integers(0, 9)) == 0:
            arguments["build_only"] = True
        if draw(st.integers(0, 9)) == 0:
            arguments["redirect_to"] = draw(st.sampled_from(["new/<x>", "/new", "//h/<y>?", ""]))
        rules.append((draw(st.sampled_from(strings)), arguments))
    return rules


URL_VALUES = st.one_of(
    st.integers(-2, 12),
    st.sampled_from(["a", "1", "", "é ü", "a/b", "%?#", "x+y&z=1", "//a", "\n"]),
    st.sampled_from([None, True, 1.5, b"x"]),
)


@given(
    families(),
    st.lists(st.text("/ab12", max_size=5), min_size=1, max_size=6),
    st.lists(st.dictionaries(st.sampled_from(["x", "y", "q"]), URL_VALUES, max_size=3), max_size=5),
    st.booleans(),
)
def test_defaults(
    rules: list[Spec], tried: list[str], several: list[dict[str, Any]], redirect: bool
) -> None:
    def work(package: Package) -> Iterable[Step]:
        url_map = make_map(package, rules, redirect_defaults=redirect)
        adapter = url_map.bind("example.org", query_args={"q": "1"})
        yield partial(repr, list(map(str, url_map.iter_rules())))
        for path in [*tried, "", "a", "1", "2/", "1/a", "b/1", "b/a/1", "c"]:
            yield partial(adapter.match, f"/{path}")
            yield partial(adapter.match, f"/{path}", "PUT", query_args="p=é")
            yield lambda path=path: sorted(adapter.allowed_methods(f"/{path}"))  # type: ignore[misc]
            yield partial(adapter.test, f"/{path}")
        for values in several:
            yield partial(adapter.build, "e", values)
            yield partial(adapter.build, "f", values, method="PUT")
            for rule in url_map.iter_rules():
                yield partial(rule.suitable_for, values, "GET")
                yield partial(rule.provides_defaults_for, next(url_map.iter_rules()))
                yield rule.build_compare_key

    both(work)


# ---------------------------------------------------------------------------------- building


@st.composite
def build_cases(draw: st.DrawFn) -> tuple[list[Spec], list[tuple[Any, ...]]]:
    rules: list[Spec] = []
    for _ in range(draw(st.integers(1, 5))):
        string, arguments = draw(specs())
        arguments["endpoint"] = draw(st.sampled_from(["e", "f", "fe"]))
        rules.append((string, arguments))
    names = st.sampled_from(["v0", "v1", "v2", "v3", "q", "é&", "z"])
    calls = st.tuples(
        st.sampled_from(["e", "f", "fe", "no"]),
        st.dictionaries(names, URL_VALUES | st.lists(URL_VALUES, max_size=2), max_size=6),
        st.sampled_from([None, None, "GET", "PUT", "no"]),
        st.booleans(),
        st.booleans(),
        st.sampled_from([None, "", "http", "https", "ws", "wss", "ftp"]),
    )
    return rules, draw(st.lists(calls, min_size=1, max_size=5))


@given(
    build_cases(),
    st.sampled_from(["http", "https", "ws", "wss", ""]),
    st.sampled_from([None, "/", "/app", "/app/", "app"]),
    st.booleans(),
    st.sampled_from(["GET", "POST"]),
)
def test_build(
    case: tuple[list[Spec], list[tuple[Any, ...]]],
    scheme: str,
    script_name: str | None,
    sort: bool,
    method: str,
) -> None:
    rules, calls = case

    def work(package: Package) -> Iterable[Step]:
        url_map = make_map(package, rules, sort_parameters=sort, sort_key=str)
        adapter = url_map.bind(
            "example.org:81", script_name, url_scheme=scheme, default_method=method
        )
        for call in calls:
            yield partial(adapter.build, *call)
            pairs = [
                (name, value)
                for name, found in call[1].items()
                for value in (found if isinstance(found, list) else [found])
            ]
            yield partial(adapter.build, call[0], package.multidict(pairs), *call[2:])

    both(work)


# ---------------------------------------------------------------------------------- environs

ENVIRON = {
    "REQUEST_METHOD": st.sampled_from(["GET", "POST", "put"]),
    "SCRIPT_NAME": st.sampled_from(["", "/", "/app", "/\xc3\xa9"]),
    "PATH_INFO": st.sampled_from(["", "/", "/a", "/\xc3\xa9/", "/\xff", "//a"]),
    "SERVER_NAME": st.sampled_from(["example.org", "::1", "127.0.0.1", "Example.ORG", "unix:/a"]),
    "SERVER_PORT": st.sampled_from(["80", "443", "8000", "", "x"]),
    "wsgi.url_scheme": st.sampled_from(["http", "https"]),
}
MORE = {
    "HTTP_HOST": st.sampled_from(
        [
            *("example.org", "www.example.org", "a.b.example.org", "EXAMPLE.org:80", "x.org:8000"),
            *("example.org:443", "", "bad host", "a@b", ".example.org", "a..example.org", "[::1]"),
            *(
                "xn--b-eha.example.org",
                "[::1]:8000",
                "example.org:",
                "org",
                "myexample.org",
                "b\xfc",
            ),
        ]
    ),
    "QUERY_STRING": st.sampled_from(["", "a=b", "a=\xc3\xa9&b=%20", "\xff"]),
    "HTTP_UPGRADE": st.sampled_from(["websocket", "WebSocket", "h2c"]),
    "HTTP_CONNECTION": st.sampled_from(["Upgrade", "keep-alive, Upgrade", "close", "upgrade,"]),
}


@given(
    st.fixed_dictionaries(ENVIRON, optional=MORE),
    st.sampled_from(
        [None, None, "example.org", "EXAMPLE.ORG:80", "example.org:443", "bü.org", "x"]
    ),
    st.sampled_from([None, None, "www", ""]),
    st.booleans(),
    st.sampled_from(["", "www"]),
)
def test_bind_to_environ(
    environ: dict[str, str],
    server_name: str | None,
    subdomain: str | None,
    hosts: bool,
    default: str,
) -> None:
    def work(package: Package) -> Iterable[Step]:
        rules: list[Spec] = [("/", {}), ("/a", {"subdomain": "www"}), ("/é", {})]
        url_map = make_map(package, rules, host_matching=hosts, default_subdomain=default)

        def bound() -> tuple[Any, ...]:
            adapter = url_map.bind_to_environ(environ, server_name, subdomain)
            attributes = (
                *(adapter.server_name, adapter.script_name, adapter.subdomain),
                *(adapter.url_scheme, adapter.path_info, adapter.default_method),
                *(adapter.query_args, adapter.websocket),
            )
            if not adapter.server_name:
                # What Werkzeug makes of a URL without a host depends on Python's urlunsplit().
                return attributes
            return (
                *attributes,
                told(package, adapter.match),
                told(package, partial(adapter.make_redirect_url, "/x")),
            )

        yield bound

    both(work)


@given(
    st.text("aB.-é:1[]\u1e9e", min_size=1, max_size=12),
    st.sampled_from([None, "", "a", "/", "a/b/"]),
)
def test_bind(server_name: str, script_name: str | None) -> None:
    def work(package: Package) -> Iterable[Step]:
        url_map = make_map(package, [("/a", {"endpoint": "a"})])

        def bound() -> tuple[Any, ...]:
            adapter = url_map.bind(server_name, script_name, path_info="/a", query_args={"q": "é"})
            return (
                adapter.server_name,
                adapter.script_name,
                adapter.match(),
                adapter.build("a", force_external=True),
                adapter.make_redirect_url("/b//c"),
                adapter.make_redirect_url("b", {}, "sub"),
                adapter.get_host(None),
            )

        yield bound

    both(work)


# ------------------------------------------------------------------- rules as they are written

ARGUMENTS = [
    *("a", "True", "False", "None", "1", "20", "1.5", "1e3", "x.y", "'q'", '"a b"', "'a,b'", "''"),
    *("a=1", "b = 'x'", "c=None", "d=1.0", "é", "nan", "1_0", "u'x'", '"it\'s"', "010", "0x1"),
]


@given(st.lists(st.sampled_from(ARGUMENTS), max_size=4).map(", ".join))
def test_converter_arguments(text: str) -> None:
    both(lambda package: [lambda: repr(package.parse_converter_args(text))])


@given(st.text("<>:()ab_1/, '\"=", max_size=14))
def test_malformed_rules(text: str) -> None:
    def work(package: Package) -> Iterable[Step]:
        def made() -> tuple[Any, ...]:
            url_map = package.map([package.rule(f"/{text}", endpoint="e")])
            return repr(url_map), sorted(next(url_map.iter_rules()).arguments)

        yield made

    names = re.findall("<(?:[^<>]*:)?([a-zA-Z_][a-zA-Z0-9_]*)>", text)
    assume("(" not in text)  # what stands in parentheses is read more strictly
    assume(len(names) == len(set(names)))  # the error for a name used twice is another one
    both(work)


# ---------------------------------------------------------------------------------- factories


@st.composite
def factory_trees(draw: st.DrawFn) -> Any:
    """A tree as a tuple of the factory's name, its argument and its children."""
    leaf = st.tuples(
        st.just("Rule"),
        st.sampled_from(["/", "/a", "/<x>/", "/$name", "/<int:x>"]),
        st.sampled_from([{}, {"subdomain": "s"}, {"defaults": {"d": 1}}, {"methods": ["PUT"]}]),
    )
    tree = st.recursive(
        leaf,
        lambda inner: st.tuples(
            st.sampled_from(["Submount", "Subdomain", "EndpointPrefix", "RuleTemplate"]),
            st.sampled_from(["/m", "/m/", "p"]),
            st.lists(inner, max_size=3),
        ),
        max_leaves=6,
    )
    return draw(tree)


def plant(package: Package, tree: Any) -> Any:
    kind, argument, rest = tree
    if kind == "Rule":
        return package.rule(argument, endpoint="e", **rest)
    children = [plant(package, child) for child in rest]
    if kind == "RuleTemplate":
        return package.factories.RuleTemplate(children)(name="n")
    if kind == "Submount":
        return package.factories.Submount(f"/{argument.lstrip('/')}", children)
    return getattr(package.factories, kind)(argument, children)


@given(factory_trees())
def test_factories(tree: Any) -> None:
    def work(package: Package) -> Iterable[Step]:
        def listed() -> list[Any]:
            url_map = package.map([plant(package, tree)])
            return [
                (
                    *(rule.rule, str(rule), rule.endpoint, rule.subdomain, rule.defaults or None),
                    *(rule.methods, rule.is_leaf, rule.is_branch, sorted(rule.arguments)),
                )
                for rule in url_map.iter_rules()
            ]

        yield listed

    both(work)


# --------------------------------------------------------------------------------- converters

CONVERTERS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("UnicodeConverter", (), {}),
    ("UnicodeConverter", (2, 4), {}),
    ("UnicodeConverter", (), {"length": 3}),
    ("AnyConverter", ("a", "b c", "é"), {}),
    ("PathConverter", (), {}),
    ("IntegerConverter", (), {}),
    ("IntegerConverter", (3,), {"min": 5, "max": 500}),
    ("IntegerConverter", (3,), {"signed": True}),
    ("FloatConverter", (1.5, 3), {"signed": True}),
    ("FloatConverter", (), {}),
    ("UUIDConverter", (), {}),
]


@given(
    st.sampled_from(CONVERTERS),
    st.text("0123456789.-abé /", max_size=8) | st.uuids().map(str),
    URL_VALUES | st.floats(allow_nan=False) | st.uuids(),
)
def test_converters(converter: tuple[str, Any, Any], text: str, value: Any) -> None:
    name, args, kwargs = converter

    def work(package: Package) -> Iterable[Step]:
        made = getattr(package.converters, name)(package.map(), *args, **kwargs)
        yield partial(getattr, made, "regex")
        yield partial(getattr, made, "weight")
        yield partial(getattr, made, "part_isolating")
        if re.fullmatch(made.regex, text):
            yield partial(made.to_python, text)
        yield partial(made.to_url, value)

    both(work)

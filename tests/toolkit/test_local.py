from __future__ import annotations

import asyncio
import copy
import inspect
import math
import operator
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from threading import Barrier
from typing import Any, get_origin

import pytest

from dovetail.toolkit.local import Local, LocalManager, LocalProxy, LocalStack, release_local

NOTHING = "there is no object"


class Owner:
    """An owner."""

    def __init__(self) -> None:
        self.number = 5
        self.pet = {"name": "cat"}

    def answer(self, *args: Any, **kwargs: Any) -> Any:
        return args, kwargs


class TestLocal:
    def test_attributes(self) -> None:
        local = Local()
        local.a = 1
        local.b = 2
        assert local.a == 1
        assert sorted(local) == [("a", 1), ("b", 2)]
        del local.a
        assert list(local) == [("b", 2)]
        for use in (lambda: local.a, lambda: delattr(local, "a")):
            with pytest.raises(AttributeError, match="a"):
                use()

    def test_release(self) -> None:
        local = Local()
        local.a = 1
        release_local(local)
        assert list(local) == []
        with pytest.raises(AttributeError):
            release_local(5)  # type: ignore[arg-type]

    def test_a_variable_of_the_application(self) -> None:
        variable: ContextVar[dict[str, Any]] = ContextVar("variable")
        local = Local(variable)
        local.a = 1
        before = variable.get()
        local.b = 2
        assert variable.get() == {"a": 1, "b": 2}
        del local.a
        local.__release_local__()
        assert before == {"a": 1}, "what was stored is not changed"
        assert variable.get() == {}

    def test_a_child_does_not_change_its_parent(self) -> None:
        local = Local()
        local.a = 1

        def child() -> None:
            assert local.a == 1
            local.a = 2
            local.b = 3

        context = copy_context()
        context.run(child)
        assert list(local) == [("a", 1)]
        assert context.run(lambda: sorted(local)) == [("a", 2), ("b", 3)]

    def test_a_proxy_of_an_attribute(self) -> None:
        local = Local()
        proxy = local("owner")
        with pytest.raises(RuntimeError, match=NOTHING):
            _ = proxy.number
        local.owner = Owner()
        assert proxy.number == 5
        assert LocalProxy(local, "owner.number") == 5
        with pytest.raises(RuntimeError, match="nobody"):
            _ = local("x", unbound_message="nobody").number


class TestLocalStack:
    def test_stack(self) -> None:
        stack: LocalStack[int] = LocalStack()
        assert stack.top is None
        assert stack.pop() is None
        assert stack.push(1) == [1]
        assert stack.push(2) == [1, 2]
        assert stack.top == 2
        assert stack.pop() == 2
        assert stack.pop() == 1
        assert stack.pop() is None
        stack.push(3)
        release_local(stack)
        assert stack.top is None

    def test_a_variable_of_the_application(self) -> None:
        variable: ContextVar[list[int]] = ContextVar("variable")
        stack = LocalStack(variable)
        one = stack.push(1)
        two = stack.push(2)
        assert variable.get() is two
        stack.pop()
        stack.__release_local__()
        assert (one, two) == ([1], [1, 2]), "what was stored is not changed"
        assert variable.get() == []

    def test_a_child_does_not_change_its_parent(self) -> None:
        stack: LocalStack[int] = LocalStack()
        stack.push(1)
        context = copy_context()
        context.run(stack.push, 2)
        assert stack.top == 1
        stack.pop()
        assert context.run(lambda: (stack.pop(), stack.pop(), stack.pop())) == (2, 1, None)

    def test_a_proxy_of_the_top(self) -> None:
        stack: LocalStack[Owner] = LocalStack()
        top = stack()
        number = stack("number", unbound_message="empty")
        with pytest.raises(RuntimeError, match=NOTHING):
            _ = top.number
        with pytest.raises(RuntimeError, match="empty"):
            number + 1
        stack.push(Owner())
        assert top.number == 5
        assert number + 1 == 6


class TestSeparation:
    """Each thread, greenlet and task has values of its own."""

    def use(self, meet: Callable[[], Any]) -> Callable[[int], list[Any]]:
        local = Local()
        stack: LocalStack[int] = LocalStack()
        number = local("number")

        def work(mine: int) -> list[Any]:
            seen: list[Any] = [list(local), stack.top]
            local.number = mine
            stack.push(mine)
            meet()
            seen += [number + 0, stack.pop(), stack.pop()]
            meet()
            release_local(local)
            return [*seen, list(local)]

        return work

    def expected(self, mine: int) -> list[Any]:
        return [[], None, mine, mine, None, []]

    def test_threads(self) -> None:
        work = self.use(Barrier(4, timeout=60).wait)
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(work, range(4))) == [self.expected(n) for n in range(4)]

    def test_greenlets(self) -> None:
        greenlet = pytest.importorskip("greenlet")
        main = greenlet.getcurrent()
        work = self.use(main.switch)
        greenlets = [greenlet.greenlet(work) for _ in range(4)]
        for n, one in enumerate(greenlets):
            one.switch(n)
        for one in greenlets:
            one.switch()
        assert [one.switch() for one in greenlets] == [self.expected(n) for n in range(4)]

    def test_gevent(self) -> None:
        gevent = pytest.importorskip("gevent")
        work = self.use(lambda: gevent.sleep(0))
        jobs = [gevent.spawn(work, n) for n in range(4)]
        gevent.joinall(jobs)
        assert [job.get() for job in jobs] == [self.expected(n) for n in range(4)]

    def test_tasks(self) -> None:
        local = Local()
        stack: LocalStack[int] = LocalStack()
        number = local("number")

        async def work(mine: int) -> list[Any]:
            seen: list[Any] = [local.number, stack.top]
            local.number = mine
            stack.push(mine)
            await asyncio.sleep(0)
            seen += [number + 0, stack.pop(), stack.top]
            release_local(local)
            return seen

        async def main() -> list[Any]:
            local.number = -1
            stack.push(-2)
            results = list(await asyncio.gather(*(work(n) for n in range(4))))
            assert (local.number, stack.top) == (-1, -2)
            return results

        assert asyncio.run(main()) == [[-1, -2, n, n, -2] for n in range(4)]


class TestLocalManager:
    def test_locals(self) -> None:
        local, stack = Local(), LocalStack[int]()
        assert LocalManager().locals == []
        assert LocalManager(local).locals == [local]
        assert LocalManager(stack).locals == [stack]
        manager = LocalManager(iter((local, stack)))
        assert manager.locals == [local, stack]
        assert repr(manager) == "<LocalManager storages: 2>"
        local.a = 1
        stack.push(1)
        manager.cleanup()
        assert list(local) == []
        assert stack.top is None

    def test_middleware(self) -> None:
        local = Local()
        manager = LocalManager([local])

        def application(environ: Any, start_response: Any) -> list[bytes]:
            """An application."""
            local.number = environ["number"]
            return [b"x"]

        for wrapped in (manager.make_middleware(application), manager.middleware(application)):
            body: Any = wrapped({"number": 5}, lambda *_: lambda _: None)
            assert list(body) == [b"x"]
            assert list(local) == [("number", 5)]
            body.close()
            assert list(local) == []
        decorated: Any = manager.middleware(application)
        assert (decorated.__name__, decorated.__doc__) == ("application", "An application.")


def proxy_of(value: Any) -> Any:
    return LocalProxy(lambda: value)


class TestWhatIsProxied:
    def test_a_variable(self) -> None:
        variable: ContextVar[Owner] = ContextVar("variable")
        owner: Any = LocalProxy(variable)
        number: Any = LocalProxy(variable, "number")
        name: Any = LocalProxy(variable, name="pet.get")
        with pytest.raises(RuntimeError, match=NOTHING):
            _ = owner.number
        with pytest.raises(RuntimeError, match=NOTHING):
            number + 1
        with pytest.raises(RuntimeError, match="nobody"):
            _ = LocalProxy(variable, unbound_message="nobody").number
        current = Owner()
        token = variable.set(current)
        assert owner._get_current_object() is current
        assert owner.number == number == 5
        assert name("name") == "cat"
        with pytest.raises(AttributeError, match="nonsense"):
            _ = owner.nonsense
        with pytest.raises(AttributeError, match="nonsense"):
            LocalProxy(variable, "nonsense") + 1
        variable.reset(token)
        assert not owner

    def test_a_function(self) -> None:
        assert proxy_of(Owner()).number == 5
        number: Any = LocalProxy(Owner, "number")
        assert number == 5

    @pytest.mark.parametrize("local", [5, None, "text"])
    def test_nothing_else(self, local: Any) -> None:
        with pytest.raises(TypeError, match=type(local).__name__):
            LocalProxy(local)

    def test_a_local_needs_a_name(self) -> None:
        with pytest.raises(TypeError, match="name"):
            LocalProxy(Local())


class TestUnbound:
    def make(self) -> Any:
        return LocalProxy(ContextVar("nothing"))

    def test_what_works(self) -> None:
        proxy = self.make()
        assert repr(proxy) == "<LocalProxy unbound>"
        assert bool(proxy) is False
        assert dir(proxy) == []
        assert proxy.__class__ is LocalProxy
        assert isinstance(proxy, LocalProxy)
        assert not isinstance(proxy, int)
        same = proxy
        assert proxy == same
        assert proxy != 1
        assert proxy.__doc__ == LocalProxy.__doc__
        assert isinstance(proxy.__wrapped__, ContextVar)

    @pytest.mark.parametrize(
        "use",
        [
            str,
            bytes,
            len,
            iter,
            int,
            float,
            hash,
            next,
            reversed,
            copy.copy,
            copy.deepcopy,
            lambda p: p.x,
            lambda p: p.__name__,
            lambda p: hasattr(p, "x"),
            lambda p: setattr(p, "x", 1),
            lambda p: delattr(p, "x"),
            lambda p: p(),
            lambda p: p + 1,
            lambda p: 1 + p,
            lambda p: p < 1,
            lambda p: p[0],
            lambda p: 1 in p,
            lambda p: f"{p}",
            lambda p: isinstance(1, p),
            lambda p: p.__enter__(),
            lambda p: p._get_current_object(),
        ],
    )
    def test_what_raises(self, use: Callable[[Any], Any]) -> None:
        with pytest.raises(RuntimeError, match=NOTHING):
            use(self.make())


class TestLocalProxy:
    def test_attributes(self) -> None:
        owner = Owner()
        proxy = proxy_of(owner)
        proxy.number = 6
        assert owner.number == proxy.number == 6
        del proxy.number
        assert not hasattr(proxy, "number")
        assert proxy.answer(1, a=2) == ((1,), {"a": 2})
        assert proxy.__dict__ is owner.__dict__
        assert dir(proxy) == dir(owner)
        assert proxy.__doc__ == "An owner."
        assert proxy_of(len).__name__ == "len"

    def test_class(self) -> None:
        proxy = proxy_of(Owner())
        assert proxy.__class__ is Owner
        assert isinstance(proxy, Owner)
        assert type(proxy).__name__ == "LocalProxy"
        assert issubclass(type(proxy), LocalProxy)
        assert isinstance(True, proxy_of(int))
        assert issubclass(bool, proxy_of(int))
        assert get_origin(LocalProxy[int]) is LocalProxy

    def test_the_class_can_be_looked_at(self) -> None:
        assert LocalProxy.__doc__ is not None
        assert LocalProxy.__doc__.startswith("Stands for")
        assert list(inspect.signature(LocalProxy).parameters) == [
            "local",
            "name",
            "unbound_message",
        ]
        assert not hasattr(LocalProxy, "__wrapped__")

    def test_wrapped(self) -> None:
        def wrapper() -> None:
            pass

        wrapper.__wrapped__ = len  # type: ignore[attr-defined]
        assert proxy_of(wrapper).__wrapped__ is len
        with pytest.raises(AttributeError):
            _ = proxy_of(5).__wrapped__

    def test_an_error_of_the_function_is_raised(self) -> None:
        def fail() -> Any:
            raise KeyError("own")

        proxy: Any = LocalProxy(fail)
        for use in (bool, lambda p: p.x, lambda p: p == 1):
            with pytest.raises(KeyError, match="own"):
                use(proxy)

    def test_copies_are_those_of_the_object(self) -> None:
        value = [[1]]
        assert copy.copy(proxy_of(value)) == value
        assert type(copy.copy(proxy_of(value))) is list
        assert copy.deepcopy(proxy_of(value))[0] is not value[0]

    def test_a_subclass_has_attributes_of_its_own(self) -> None:
        class Named(LocalProxy[Any]):
            kind = "named"

            def double(self) -> Any:
                return self.number * 2

        proxy = Named(Owner)
        assert (proxy.kind, proxy.double(), proxy.number) == ("named", 10, 5)
        with pytest.raises(AttributeError):
            _ = proxy.nonsense

    @pytest.mark.parametrize(
        "use",
        [
            repr,
            str,
            bool,
            abs,
            int,
            float,
            complex,
            math.trunc,
            math.floor,
            math.ceil,
            round,
            hash,
            operator.neg,
            operator.pos,
            operator.length_hint,
            lambda p: round(p, 1),
            lambda p: format(p, "08.3f"),
            lambda p: pow(p, 2),
            lambda p: p.real,
        ],
    )
    @pytest.mark.parametrize("value", [0, 7, -3, 2.5, True])
    def test_numbers(self, use: Callable[[Any], Any], value: Any) -> None:
        assert use(proxy_of(value)) == use(value)
        assert type(use(proxy_of(value))) is type(use(value))

    @pytest.mark.parametrize(
        "operation",
        [
            operator.add,
            operator.sub,
            operator.mul,
            operator.truediv,
            operator.floordiv,
            operator.mod,
            divmod,
            operator.pow,
            operator.lshift,
            operator.rshift,
            operator.and_,
            operator.xor,
            operator.or_,
            operator.eq,
            operator.ne,
            operator.lt,
            operator.le,
            operator.gt,
            operator.ge,
        ],
    )
    def test_operators(self, operation: Callable[[Any, Any], Any]) -> None:
        for left, right in ((7, 2), (2, 7), (5, 5)):
            result = operation(left, right)
            assert operation(proxy_of(left), right) == result
            assert operation(left, proxy_of(right)) == result
            assert operation(proxy_of(left), proxy_of(right)) == result
            assert type(operation(left, proxy_of(right))) is type(result)

    def test_other_operators(self) -> None:
        class Matrix:
            def __matmul__(self, other: Any) -> Any:
                return "product", other

            def __rmatmul__(self, other: Any) -> Any:
                return other, "product"

        assert proxy_of(Matrix()) @ 3 == ("product", 3)
        assert 3 @ proxy_of(Matrix()) == (3, "product")
        assert pow(proxy_of(7), 2, 5) == 4
        assert ~proxy_of(7) == -8
        assert "abcdefgh"[proxy_of(7)] == "h"
        assert bytes(proxy_of(3)) == b"\0\0\0"
        assert proxy_of("%s!") % "a" == "a!"
        assert [0] + proxy_of([1]) == [0, 1]  # noqa: RUF005
        assert {"a": 1} | proxy_of({"b": 2}) == {"a": 1, "b": 2}
        with pytest.raises(TypeError):
            proxy_of(7) + "a"

    @pytest.mark.parametrize(
        ("value", "operation", "result"),
        [
            (Value, operation, result)
            for Value, operation, result in [
                ([1], operator.iadd, [1, 2]),
                ([1], operator.imul, [1, 1]),
                ({1}, operator.ior, {1, 2}),
                ({1, 2}, operator.iand, {2}),
                ({1}, operator.ixor, {1, 2}),
                ({1, 2}, operator.isub, {1}),
            ]
        ],
    )
    def test_changes_in_place(self, value: Any, operation: Any, result: Any) -> None:
        proxy = proxy_of(value)
        other: Any = {2} if isinstance(value, set) else 2 if operation is operator.imul else [2]
        assert operation(proxy, other) is proxy
        assert value == result

    @pytest.mark.parametrize(
        "operation",
        [
            operator.iadd,
            operator.isub,
            operator.imul,
            operator.itruediv,
            operator.ifloordiv,
            operator.imod,
            operator.ipow,
            operator.ilshift,
            operator.irshift,
            operator.iand,
            operator.ixor,
            operator.ior,
        ],
    )
    def test_the_name_goes_on_meaning_the_proxy(self, operation: Any) -> None:
        proxy = proxy_of(6)
        assert operation(proxy, 2) is proxy
        assert proxy == 6
        with pytest.raises(TypeError):
            proxy @= 2

    def test_containers(self) -> None:
        value = {"a": 1}
        proxy = proxy_of(value)
        proxy["b"] = 2
        assert proxy["b"] == 2
        del proxy["a"]
        assert value == {"b": 2}
        assert len(proxy) == 1
        assert "b" in proxy
        assert list(proxy) == list(reversed(proxy)) == ["b"]
        assert operator.length_hint(proxy_of(iter([1, 2]))) == 2
        iterator = proxy_of(iter([1]))
        assert next(iterator) == 1
        with pytest.raises(StopIteration):
            next(iterator)

    def test_context_manager(self) -> None:
        class Manager:
            left: Any = None

            def __enter__(self) -> str:
                return "entered"

            def __exit__(self, *args: Any) -> bool:
                self.left = args[0]
                return True

        manager = Manager()
        with proxy_of(manager) as entered:
            raise ValueError
        assert entered == "entered"
        assert manager.left is ValueError

    def test_async(self) -> None:
        class Source:
            left = False

            async def __aenter__(self) -> str:
                return "entered"

            async def __aexit__(self, *args: object) -> None:
                self.left = True

            def __aiter__(self) -> AsyncIterator[int]:
                return self.count()

            async def count(self) -> AsyncIterator[int]:
                yield 1
                yield 2

            def __await__(self) -> Iterator[Any]:
                return asyncio.sleep(0, "awaited").__await__()

        async def main() -> list[Any]:
            source = Source()
            proxy = proxy_of(source)
            async with proxy as entered:
                found = [number async for number in proxy]
            iterator = proxy_of(source.count())
            return [entered, found, await proxy, await anext(iterator), source.left]

        assert asyncio.run(main()) == ["entered", [1, 2], "awaited", 1, True]


@pytest.mark.parametrize(
    "name",
    ["__enter__", "__exit__", "__aenter__", "__aexit__", "__await__", "__aiter__", "__anext__"],
)
def test_what_the_object_cannot_do_the_proxy_has_no_method_for(name: str) -> None:
    assert not hasattr(LocalProxy(lambda: 5), name)

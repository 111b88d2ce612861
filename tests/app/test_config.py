"""The configuration of an application."""

from __future__ import annotations

import copy
import json
import os
import pickle
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dovetail.app.config import Config, ConfigAttribute
from dovetail.toolkit.imports import ImportStringError

# What from_object() is given by its dotted name.
TEST_KEY = "foo"
lower_key = "not taken"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in os.environ:
        if name.startswith(("FLASK_", "DOVETAIL_")):
            monkeypatch.delenv(name)
    return monkeypatch


class TestConfig:
    def test_is_a_dictionary_with_defaults(self, tmp_path: Path) -> None:
        defaults = {"A": 1, "lower": 2}
        config = Config(tmp_path, defaults)
        assert config == defaults
        assert config.root_path == tmp_path
        config["A"] = 3
        assert defaults["A"] == 1

    def test_repr(self, tmp_path: Path) -> None:
        assert repr(Config(tmp_path, {"A": 1})) == "<Config {'A': 1}>"

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
    def test_copies_keep_the_root_path(self, config: Config, copied: Any) -> None:
        config["A"] = 1
        other = copied(config)
        assert type(other) is Config
        assert other == config
        assert other.root_path == config.root_path

    def test_pickles(self, config: Config) -> None:
        config["A"] = 1
        other = pickle.loads(pickle.dumps(config))
        assert (type(other), other, other.root_path) == (Config, config, config.root_path)


class TestFromMapping:
    def test_takes_upper_case_only(self, config: Config) -> None:
        assert config.from_mapping({"A": 1, "b": 2, "Cc": 3, "_D": 4}, E=5, f=6) is True
        assert config == {"A": 1, "_D": 4, "E": 5}

    def test_keyword_arguments_win(self, config: Config) -> None:
        given = {"A": 1}
        config.from_mapping(given, A=2)
        assert config == {"A": 2}
        assert given == {"A": 1}

    def test_takes_pairs_and_nothing(self, config: Config) -> None:
        config.from_mapping([("A", 1)])  # type: ignore[arg-type]
        assert config.from_mapping() is True
        assert config.from_mapping(mapping={"B": 2}) is True
        assert config == {"A": 1, "B": 2}

    def test_takes_one_mapping_only(self, config: Config) -> None:
        with pytest.raises(TypeError):
            config.from_mapping({}, {})  # type: ignore[call-arg]


class TestFromObject:
    def test_takes_attributes_in_upper_case(self, config: Config) -> None:
        config.from_object(SimpleNamespace(A=1, b=2, _C=3))
        assert config == {"A": 1, "_C": 3}

    def test_takes_a_dotted_name(self, config: Config) -> None:
        config.from_object(__name__)
        assert config["TEST_KEY"] == "foo"
        assert "lower_key" not in config

    def test_takes_a_class_and_what_it_inherits(self, config: Config) -> None:
        class Base:
            A = 1
            B = 1

        class Derived(Base):
            B = 2

        config.from_object(Derived)
        assert config == {"A": 1, "B": 2}

    def test_takes_a_class_by_its_name(self, config: Config) -> None:
        config.from_object(f"{__name__}.Settings")
        assert config == {"A": 1}

    def test_properties_need_an_instance(self, config: Config) -> None:
        class Computed:
            @property
            def TOTAL(self) -> int:  # noqa: N802
                return 3

        config.from_object(Computed())
        assert config == {"TOTAL": 3}
        config.from_object(Computed)
        assert isinstance(config["TOTAL"], property)

    def test_items_of_a_dictionary_are_no_attributes(self, config: Config) -> None:
        config.from_object({"A": 1})
        assert config == {}

    def test_raises_for_what_cannot_be_imported(self, config: Config) -> None:
        with pytest.raises(ImportStringError, match="no_such_package"):
            config.from_object("no_such_package.settings")


class Settings:
    A = 1


class TestFromPyfile:
    def test_runs_a_file(self, config: Config, tmp_path: Path) -> None:
        (tmp_path / "settings.cfg").write_text("import os\nA = 1\nb = 2\nFILE = __file__\n")
        assert config.from_pyfile("settings.cfg") is True
        assert config == {"A": 1, "FILE": str(tmp_path / "settings.cfg")}

    @pytest.mark.parametrize("kind", [str, Path])
    def test_takes_an_absolute_path(self, tmp_path: Path, kind: Any) -> None:
        (tmp_path / "settings.py").write_text("A = __name__\n")
        config = Config("elsewhere")
        config.from_pyfile(kind(tmp_path / "settings.py"))
        assert config == {"A": "config"}

    @pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-15", "latin-1"])
    def test_obeys_a_coding_line(self, config: Config, tmp_path: Path, encoding: str) -> None:
        source = f"# -*- coding: {encoding} -*-\nA = 'föö'\n"
        (tmp_path / "settings.py").write_bytes(source.encode(encoding))
        config.from_pyfile("settings.py")
        assert config == {"A": "föö"}

    def test_does_not_inherit_our_future_imports(self, config: Config, tmp_path: Path) -> None:
        (tmp_path / "settings.py").write_text("def f(x: int): ...\nA = f.__annotations__\n")
        config.from_pyfile("settings.py")
        assert config == {"A": {"x": int}}

    def test_tells_which_file_is_missing(self, config: Config, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError) as caught:
            config.from_pyfile("missing.cfg")
        message = str(caught.value)
        assert "Unable to load configuration file (No such file or directory)" in message
        assert repr(str(tmp_path / "missing.cfg")) in message

    def test_silent_passes_over_what_is_no_file(self, config: Config, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert config.from_pyfile("missing.cfg", silent=True) is False
        assert config.from_pyfile("", silent=True) is False
        assert config.from_pyfile("file/below", silent=True) is False
        assert config == {}

    def test_silent_still_raises_other_errors(self, config: Config, tmp_path: Path) -> None:
        (tmp_path / "settings.py").write_text("A = \n")
        with pytest.raises(SyntaxError):
            config.from_pyfile("settings.py", silent=True)


class TestFromFile:
    def test_loads_json(self, config: Config, tmp_path: Path) -> None:
        (tmp_path / "settings.json").write_text('{"A": 1, "b": 2}')
        assert config.from_file("settings.json", load=json.load) is True
        assert config == {"A": 1}

    def test_loads_toml(self, config: Config, tmp_path: Path) -> None:
        (tmp_path / "settings.toml").write_text('A = "x"\n[B]\nc = 1\n')
        assert config.from_file(Path("settings.toml"), load=tomllib.load, text=False) is True
        assert config == {"A": "x", "B": {"c": 1}}

    def test_silent(self, config: Config, tmp_path: Path) -> None:
        assert config.from_file("missing", load=json.load, silent=True) is False
        assert config.from_file("", load=json.load, silent=True) is False
        with pytest.raises(FileNotFoundError, match="Unable to load configuration file"):
            config.from_file("missing", load=json.load)


class TestFromEnvvar:
    def test_loads_the_file(
        self, config: Config, tmp_path: Path, environment: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "settings.cfg").write_text("A = 1\n")
        environment.setenv("APP_SETTINGS", "settings.cfg")
        assert config.from_envvar("APP_SETTINGS") is True
        assert config == {"A": 1}

    @pytest.mark.parametrize("value", [None, ""])
    def test_needs_the_variable(
        self, config: Config, environment: pytest.MonkeyPatch, value: str | None
    ) -> None:
        if value is None:
            environment.delenv("APP_SETTINGS", raising=False)
        else:
            environment.setenv("APP_SETTINGS", value)
        with pytest.raises(RuntimeError, match="variable 'APP_SETTINGS' is not set"):
            config.from_envvar("APP_SETTINGS")
        assert config.from_envvar("APP_SETTINGS", silent=True) is False

    def test_needs_the_file(self, config: Config, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("APP_SETTINGS", "missing.cfg")
        with pytest.raises(FileNotFoundError, match=r"missing\.cfg"):
            config.from_envvar("APP_SETTINGS")
        assert config.from_envvar("APP_SETTINGS", silent=True) is False


class TestFromPrefixedEnv:
    def test_parses_json_and_keeps_other_text(
        self, config: Config, environment: pytest.MonkeyPatch
    ) -> None:
        values = {
            "TEXT": "value",
            "QUOTED": '"value"',
            "TRUE": "true",
            "PYTHON": "True",
            "NUMBER": "1",
            "LIST": "[1, 2]",
            "DICTIONARY": '{"k": "v"}',
            "EMPTY": "",
        }
        for name, value in values.items():
            environment.setenv(f"FLASK_{name}", value)
        environment.setenv("NOT_FLASK_A", "1")
        assert config.from_prefixed_env() is True
        assert config == {
            "TEXT": "value",
            "QUOTED": "value",
            "TRUE": True,
            "PYTHON": "True",
            "NUMBER": 1,
            "LIST": [1, 2],
            "DICTIONARY": {"k": "v"},
            "EMPTY": "",
        }

    def test_takes_another_prefix_and_parser(
        self, config: Config, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("APP_A", "1")
        environment.setenv("FLASK_B", "1")
        environment.setenv("DOVETAIL_C", "1")
        config.from_prefixed_env("APP", loads=lambda text: f"<{text}>")
        assert config == {"A": "<1>"}

    def test_any_error_of_the_parser_leaves_the_text(
        self, config: Config, environment: pytest.MonkeyPatch
    ) -> None:
        def refuse(text: str) -> Any:
            raise LookupError(text)

        environment.setenv("FLASK_A", "1")
        config.from_prefixed_env(loads=refuse)
        assert config == {"A": "1"}

    def test_two_underscores_lead_into_dictionaries(
        self, config: Config, environment: pytest.MonkeyPatch
    ) -> None:
        config["EXIST"] = {"ok": "value", "flag": True, "inner": {"ik": 1}}
        environment.setenv("FLASK_EXIST__ok", "other")
        environment.setenv("FLASK_EXIST__inner__ik", "2")
        environment.setenv("FLASK_EXIST__new__more", '{"k": false}')
        environment.setenv("FLASK_NEW__K", "v")
        environment.setenv("FLASK_MIXED_Case__Key", "1")
        config.from_prefixed_env()
        assert config["EXIST"] == {
            "ok": "other",
            "flag": True,
            "inner": {"ik": 2},
            "new": {"more": {"k": False}},
        }
        assert config["NEW"] == {"K": "v"}
        assert config["MIXED_Case"] == {"Key": 1}

    def test_names_are_taken_in_order(
        self, config: Config, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("FLASK_A__b", "1")
        environment.setenv("FLASK_A", '{"c": 2}')
        config.from_prefixed_env()
        assert config == {"A": {"b": 1, "c": 2}}

    def test_does_not_enter_what_is_no_dictionary(
        self, config: Config, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("FLASK_A", "1")
        environment.setenv("FLASK_A__b", "1")
        with pytest.raises(TypeError):
            config.from_prefixed_env()

    def test_own_prefix_wins_over_the_default_one(
        self, config: Config, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("DOVETAIL_A", "1")
        environment.setenv("DOVETAIL_N__b", "1")
        environment.setenv("FLASK_A", "2")
        environment.setenv("FLASK_B", "2")
        environment.setenv("FLASK_N__a", "2")
        config.from_prefixed_env()
        assert config == {"A": 1, "B": 2, "N": {"a": 2, "b": 1}}


class TestGetNamespace:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, {"option_1": 1, "": 3}),
            ({"lowercase": False}, {"OPTION_1": 1, "": 3}),
            ({"trim_namespace": False}, {"foo_option_1": 1, "foo_": 3}),
            ({"lowercase": False, "trim_namespace": False}, {"FOO_OPTION_1": 1, "FOO_": 3}),
        ],
    )
    def test_get_namespace(
        self, config: Config, options: dict[str, bool], expected: dict[str, int]
    ) -> None:
        config.from_mapping(FOO_OPTION_1=1, BAR_OPTION=2, FOO_=3)
        assert config.get_namespace("FOO_", **options) == expected


class TestConfigAttribute:
    class Application:
        def __init__(self) -> None:
            self.config: dict[str, Any] = {"NUMBER": "3"}

        plain: Any = ConfigAttribute[Any]("PLAIN")
        number: Any = ConfigAttribute("NUMBER", get_converter=int)

    def test_reads_and_writes_the_configuration(self) -> None:
        application = self.Application()
        application.plain = 1
        assert application.config["PLAIN"] == 1
        assert application.plain == 1

    def test_converts_what_is_read(self) -> None:
        application = self.Application()
        assert application.number == 3
        assert application.config["NUMBER"] == "3"
        assert self.Application.number.get_converter is int

    def test_raises_for_a_missing_key(self) -> None:
        with pytest.raises(KeyError):
            _ = self.Application().plain

    def test_the_class_has_the_attribute_itself(self) -> None:
        assert isinstance(self.Application.plain, ConfigAttribute)
        assert self.Application.plain.__name__ == "PLAIN"

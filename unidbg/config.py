"""`unidbg.toml`, or `[tool.unidbg]` in pyproject.toml: found upward from the working directory.

Precedence: option, `UNIDBG_*`, project, user (`[ui]` in the XDG folder). Reading it executes nothing.
Paths in a project file are relative to that file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from unidbg.errors import ConfigError

MAX_BYTES = 1 << 20
STRING, NUMBER, FLAG, STRINGS, TABLE, ANY = (
    "a string",
    "a number",
    "true or false",
    "a list of strings",
    "a table of strings",
    "anything",
)

SCHEMA: dict[str, dict[str, str]] = {
    "target": {"url": STRING, "timeout": NUMBER},
    "image": {"files": STRINGS},
    "paths": {"build": STRINGS, "sources": TABLE},
    "roots": {"*": STRING},
    "checks": {"*": ANY},
    "run": {
        "image": STRING,
        "machine": STRING,
        "memory": STRING,
        "cpus": NUMBER,
        "append": STRING,
        "initrd": STRING,
        "net": FLAG,
        "forward": STRINGS,
        "arguments": STRINGS,
        "ready": STRING,
    },
    "ui": {"theme": STRING, "refresh": NUMBER, "color": STRING},
}
"""Sections, their keys and what each takes; `*` is any name. Times are seconds."""

ENVIRONMENT = {
    "UNIDBG_TARGET": ("target", "url"),
    "UNIDBG_TIMEOUT": ("target", "timeout"),
    "UNIDBG_IMAGE": ("image", "files"),
    "UNIDBG_THEME": ("ui", "theme"),
}


class Config(NamedTuple):
    """What the files and the environment say. `path` is the project file, `None` where there is none."""

    path: str | None = None
    sections: Mapping[str, Mapping[str, object]] = {}

    def text(self, section: str, key: str) -> str | None:
        """A string, or `None` where nobody says it."""
        value = self.sections.get(section, {}).get(key)
        return value if isinstance(value, str) else None

    def number(self, section: str, key: str) -> float | None:
        """A number, or `None` where nobody says it."""
        value = self.sections.get(section, {}).get(key)
        return float(value) if isinstance(value, int | float) else None

    def flag(self, section: str, key: str) -> bool:
        """Whether somebody says `true`."""
        return self.sections.get(section, {}).get(key) is True

    def strings(self, section: str, key: str) -> tuple[str, ...]:
        """A list of strings, empty where nobody says it."""
        value = self.sections.get(section, {}).get(key)
        return tuple(str(item) for item in value) if isinstance(value, list) else ()

    def table(self, section: str, key: str | None = None) -> dict[str, str]:
        """A table of strings: a whole free section (`roots`), or one key (`paths.sources`)."""
        value: object = self.sections.get(section, {})
        if key is not None and isinstance(value, Mapping):
            value = value.get(key, {})
        return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}

    def tree(self, section: str) -> dict[str, object]:
        """A section as it stands, for whoever reads it himself (`checks`)."""
        return dict(self.sections.get(section, {}))

    def resolve(self, path: str) -> str:
        """A path of the project file, relative to it."""
        base = os.path.dirname(self.path) if self.path else os.getcwd()
        return os.path.join(base, os.path.expanduser(path))


def load(start: str | os.PathLike[str] | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration that holds in directory `start` (the working directory); ConfigError names file and
    key.
    """
    environment = os.environ if environment is None else environment
    sections: dict[str, dict[str, object]] = {}
    user = user_file(environment)
    if os.path.isfile(user):
        _overlay(sections, {k: v for k, v in _read(user).items() if k == "ui"}, user)
    found = find(os.fspath(start or os.getcwd()))
    if found is not None:
        _overlay(sections, _project(found), found)
    _overlay_environment(sections, environment)
    return Config(found, sections)


def user_file(environment: Mapping[str, str]) -> str:
    """The user-wide file in the XDG folder."""
    base = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME", "~"), ".config")
    return os.path.join(os.path.expanduser(base), "unidbg", "unidbg.toml")


def find(start: str) -> str | None:
    """The nearest unidbg.toml, or pyproject.toml with `[tool.unidbg]`, in `start` or above it."""
    folder, parent = "", os.path.abspath(start)
    while folder != parent:
        folder, parent = parent, os.path.dirname(parent)
        own = os.path.join(folder, "unidbg.toml")
        if os.path.isfile(own):
            return own
        shared = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(shared) and b"tool.unidbg" in _bytes(shared):
            return shared
    return None


def _project(path: str) -> dict[str, object]:
    data = _read(path)
    if os.path.basename(path) != "pyproject.toml":
        return data
    tool = data.get("tool")
    section = tool.get("unidbg", {}) if isinstance(tool, dict) else {}
    return section if isinstance(section, dict) else {}


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _read(path: str) -> dict[str, object]:
    import tomllib

    data = _bytes(path)
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: longer than {MAX_BYTES} bytes; this is no configuration file")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def _overlay(sections: dict[str, dict[str, object]], data: Mapping[str, object], path: str) -> None:
    for name, content in data.items():
        if name not in SCHEMA:
            raise ConfigError(f"{path}: unknown section [{name}]{_nearest(name, SCHEMA)}")
        if not isinstance(content, Mapping):
            raise ConfigError(f"{path}: `{name}` must be a section: [{name}]")
        target = sections.setdefault(name, {})
        for key, value in content.items():
            _check(path, name, key, value)
            target[key] = value


def _check(path: str, section: str, key: str, value: object) -> None:
    keys = SCHEMA[section]
    kind = keys.get(key) or keys.get("*")
    if kind is None:
        raise ConfigError(f"{path}: unknown key `{key}` in [{section}]{_nearest(key, keys)}")
    if not _fits(kind, value):
        raise ConfigError(f"{path}: `{section}.{key}` must be {kind}, not {value!r}")


def _fits(kind: str, value: object) -> bool:
    if kind == ANY:  # whoever uses it says more
        return True
    if kind == STRING:
        return isinstance(value, str)
    if kind == NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == STRINGS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind == TABLE:
        return isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())
    return isinstance(value, bool)


def _nearest(name: str, names: Mapping[str, object]) -> str:
    import difflib

    close = difflib.get_close_matches(name, [n for n in names if n != "*"], n=1, cutoff=0.5)
    return f"; did you mean `{close[0]}`?" if close else f"; known: {', '.join(sorted(names))}"


def _overlay_environment(sections: dict[str, dict[str, object]], environment: Mapping[str, str]) -> None:
    for variable, (section, key) in ENVIRONMENT.items():
        text = environment.get(variable)
        if text:
            sections.setdefault(section, {})[key] = _from_text(variable, SCHEMA[section][key], text)


def _from_text(variable: str, kind: str, text: str) -> object:
    if kind == STRINGS:
        return [os.path.abspath(item) for item in text.split(os.pathsep)]
    if kind == NUMBER:
        try:
            return float(text)
        except ValueError:
            raise ConfigError(f"{variable}: must be {kind}, not {text!r}") from None
    return text

"""Hatch's hook: compile the C sources and put the libraries into the wheel, whose tag names the platform."""

import importlib.util
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeBuildHook(BuildHookInterface[Any]):
    """Builds the native libraries; in an editable install they stay beside their sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before files are collected; *version* is "standard" or "editable"."""
        root = Path(self.root)
        libraries = _builder(root).build_all()
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        # ctypes loads it, so it fits every Python of the platform.
        build_data["tag"] = f"py3-none-{platform}"
        if version != "editable":
            build_data["artifacts"] += [f"/{library.relative_to(root).as_posix()}" for library in libraries]


def _builder(root: Path) -> Any:
    spec = importlib.util.spec_from_file_location("build_native", root / "tools" / "build_native.py")
    if spec is None or spec.loader is None:
        raise SystemExit("duckshift: tools/build_native.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

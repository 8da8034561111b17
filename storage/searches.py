"""Python's searches for modules that are not there, which DuckDB begins with every statement: answered at once."""

import importlib.util
import sys


class _Absent:
    """Says at once that pandas is not there.

    DuckDB asks for it twice a statement with parameters, and Python looks for a missing module on disk every time:
    a third of such a statement's cost.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse pandas, and leave all else to the finders behind."""
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)


def spare_searches() -> None:
    """Have the search for pandas end at once, where it is not there."""
    if any(isinstance(finder, _Absent) for finder in sys.meta_path):
        return
    if "pandas" not in sys.modules and importlib.util.find_spec("pandas") is None:
        sys.meta_path.insert(0, _Absent())

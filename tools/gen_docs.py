"""Writes the files that follow from tables, or with ``--check`` says which are out of step.

A new generated file is one row of ``GENERATED``.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from catalog.system.views import ROWS as SYSTEM_VIEWS
from core.options import (
    IDENTITY_OPTIONS,
    INTEGRATION_OPTIONS,
    NAMESPACE_OPTIONS,
    OPTIONS,
    ROLE_OPTIONS,
    SECTIONS,
    Kind,
    Option,
)
from session.settings import SETTINGS
from sql.commands.unsupported import HEADS
from sql.functions import FUNCTIONS
from tools import clients, gen_surface
from tools.gen_surface import grid

ROOT: Final = Path(__file__).resolve().parent.parent
_WIDTH: Final = 110
_VISIBLE: Final = {"all": "everyone", "superuser": "superusers", "own": "superusers, and each user their own"}


def example_toml() -> str:
    """Return ``config/duckshift.toml``: every key commented out with its default."""
    lines = [
        "# Settings of duckshift: duckshift serve --config FILE, or DUCKSHIFT_CONFIG=FILE.",
        "# Every key stands here with its default. The variable DUCKSHIFT_<SECTION>_<KEY> wins over the file and a",
        "# flag over both. Written by `make docs` from core/options.py.",
    ]
    for section, doc in SECTIONS:
        lines += ["", f"# {doc}", f"[{section}]"]
        for option in _of(section):
            lines += [*_comment(option), f"#{option.key} = {_toml(option)}"]
    lines += [
        "",
        "# What IAM_ROLE 'arn:...' (or IAM_ROLE default) in COPY and UNLOAD stands for; as many as there are roles.",
        '#[roles."arn:aws:iam::123456789012:role/load"]',
    ]
    for option in ROLE_OPTIONS:
        lines += [*_comment(option), f"#{option.key} = {_toml(option)}"]
    lines += ["", "#[roles.default]", "", "# Who may sign requests to the interfaces of [api]: IAM users, roles.", "#[identities.alice]"]
    for option in IDENTITY_OPTIONS:
        lines += [*_comment(option), f"#{option.key} = {_toml(option)}"]
    lines += [
        "",
        '#[identities."role/etl"]',
        "",
        "# Other servers that datashares come from or go to.",
        '#[namespaces."13b8833d-17c6-4f16-8fe4-1a018f5ed00d"]',
    ]
    for option in NAMESPACE_OPTIONS:
        lines += [*_comment(option), f"#{option.key} = {_toml(option)}"]
    lines += [
        "",
        "# Policies in IAM's shape, which identities name.",
        "#[policies.reports]",
        "#[[policies.reports.Statement]]",
        '#Effect = "Allow"',
        '#Action = ["redshift-data:*", "redshift:GetClusterCredentials"]',
        '#Resource = "*"',
        "",
        "# The database user that a request's SecretArn stands for.",
        "#[secrets]",
        '#"arn:aws:secretsmanager:us-east-1:123456789012:secret:reports" = "reporter"',
        "",
        "# Identity providers (CREATE IDENTITY PROVIDER): the file with an issuer's public keys, a JSON Web Key Set.",
        "#[issuers]",
        '#"https://login.microsoftonline.com/TENANT/v2.0" = "/etc/duckshift/entra.jwks"',
        "",
        "# Database servers that CREATE DATABASE … FROM INTEGRATION 'shop' copies continuously.",
        "#[integrations.shop]",
    ]
    for option in INTEGRATION_OPTIONS:
        lines += [*_comment(option), f"#{option.key} = {_toml(option)}"]
    lines.append("")
    return "\n".join(lines)


def config_reference() -> str:
    """Return ``docs/reference/config.md``."""
    lines = [
        "# Configuration",
        "",
        "<!-- Written by `make docs` from core/options.py. -->",
        "",
        "Settings come from one TOML file (`duckshift serve --config FILE`, or the variable `DUCKSHIFT_CONFIG`),",
        "from environment variables and from flags; a flag wins over a variable, a variable over the file.",
        "An unknown key or variable is an error that names the nearest known one. `config/duckshift.toml` holds",
        "every key with its default. A list is written with commas in a variable.",
    ]
    for section, doc in SECTIONS:
        lines += ["", f"## {section}", "", doc, "", *_rows(list(_of(section)), with_variable=True)]
    lines += [
        "",
        "## roles",
        "",
        "`[roles.\"arn:aws:iam::123456789012:role/load\"]` says what `IAM_ROLE` with that name in COPY and UNLOAD",
        "stands for, `[roles.default]` what `IAM_ROLE default` does. Roles are set in the file only.",
        "",
        *_rows(list(ROLE_OPTIONS), with_variable=False),
        "",
        "## identities, policies, secrets, issuers",
        "",
        "`[identities.alice]` is an IAM user and `[identities.\"role/etl\"]` a role that may sign requests to the",
        "interfaces of `[api]`; `[policies.NAME]` is a policy document in IAM's shape (`Statement` with `Effect`,",
        "`Action`, `Resource`, `Condition`) that identities name; `[secrets]` says for each ARN of a secret which",
        "database user it stands for, `[issuers]` for each issuer of an identity provider's tokens the file with its public",
        "keys (a JSON Web Key Set). All are set in the file only.",
        "",
        *_rows(list(IDENTITY_OPTIONS), with_variable=False),
        "",
        "## integrations",
        "",
        "`[integrations.shop]` is a PostgreSQL server whose databases `CREATE DATABASE … FROM INTEGRATION 'shop'` copies",
        "continuously (docs/howto/zero-etl.md). Integrations are set in the file only.",
        "",
        *_rows(list(INTEGRATION_OPTIONS), with_variable=False),
        "## namespaces",
        "",
        "`[namespaces.\"13b8833d-…\"]` is another server, called by its namespace (`SELECT current_namespace`): one whose",
        "datashares are used here, one that uses ours, or both. Set in the file only.",
        "",
        *_rows(list(NAMESPACE_OPTIONS), with_variable=False),
        "",
    ]
    return "\n".join(lines)


def functions_reference() -> str:
    """Return ``docs/reference/functions.md``."""
    rows = (
        [f"`{name}`", forms[0].kind, "<br>".join(f"`{name}({', '.join(form.arguments)})`" for form in forms)]
        for name, forms in sorted(FUNCTIONS.items())
    )
    return _page("Functions", "sql/functions", "`?` marks what may be left out, `*` what may be repeated.",
                 grid(["name", "kind", "forms"], rows))  # fmt: skip


def views_reference() -> str:
    """Return ``docs/reference/system-views.md``."""
    rows = (
        [f"`{view.schema}.{view.name}`", _VISIBLE[view.visible] if view.query else "no rows", view.doc]
        for view in sorted(SYSTEM_VIEWS, key=lambda view: (view.schema, view.name))
    )
    return _page("System tables and views", "catalog/system", "Who sees rows, and whose page they follow.",
                 grid(["name", "rows for", "documentation"], rows))  # fmt: skip


def settings_reference() -> str:
    """Return ``docs/reference/settings.md``."""
    rows = ([f"`{row.name}`", f"`{row.default}`" if row.default else "", row.doc] for row in SETTINGS)
    return _page("Session settings", "session/settings.py", "Parameters of SET, SHOW and RESET.",
                 grid(["name", "default", "meaning"], rows))  # fmt: skip


def absent_reference() -> str:
    """Return ``docs/reference/absent.md``."""
    return _page("Statements that are known and absent", "sql/commands/unsupported.py",
                 "They are answered with SQLSTATE 0A000.", [f"- `{head}`" for head in HEADS])  # fmt: skip


GENERATED: Final[tuple[tuple[str, Callable[[], str]], ...]] = (
    ("config/duckshift.toml", example_toml),
    ("docs/clients.md", clients.page),
    ("docs/compatibility.md", gen_surface.compatibility),
    ("docs/reference/absent.md", absent_reference),
    ("docs/reference/config.md", config_reference),
    ("docs/reference/functions.md", functions_reference),
    ("docs/reference/settings.md", settings_reference),
    ("docs/reference/system-views.md", views_reference),
)


def stale() -> list[str]:
    """Return the generated files that are not what their table says."""
    return [path for path, make in GENERATED if not _is_current(ROOT / path, make())]


def main(arguments: list[str]) -> int:
    """Write the files, or check them."""
    if arguments == ["--check"]:
        for path in stale():
            print(f"{path} is out of step with its table; run make docs", file=sys.stderr)
        return 1 if stale() else 0
    for path, make in GENERATED:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(make(), encoding="utf-8")
    return 0


def _page(title: str, source: str, introduction: str, body: Iterable[str]) -> str:
    lines = [f"# {title}", "", f"<!-- Written by `make docs` from {source}. -->", "", introduction, "", *body, ""]
    return "\n".join(lines)


def _is_current(path: Path, wanted: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == wanted


def _of(section: str) -> Iterator[Option]:
    return (option for option in OPTIONS if option.section == section)


def _toml(option: Option) -> str:
    value = list(option.default) if isinstance(option.default, tuple) else option.default
    return json.dumps(value)


def _comment(option: Option) -> Iterator[str]:
    line = "#"
    for word in _sentence(option).split():
        if len(line) + len(word) > _WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    yield line


def _sentence(option: Option) -> str:
    if option.kind is not Kind.CHOICE:
        return option.doc
    return f"{option.doc} One of {', '.join(json.dumps(choice) for choice in option.choices)}."


def _rows(options: list[Option], *, with_variable: bool) -> Iterator[str]:
    head = ["key", "default", *(["variable", "flag"] if with_variable else []), "meaning"]
    return grid(head, (_cells(option, with_variable=with_variable) for option in options))


def _cells(option: Option, *, with_variable: bool) -> list[str]:
    cells = [f"`{option.key}`", f"`{_toml(option)}`"]
    if with_variable:
        cells += [f"`{option.variable}`", f"`{option.flag}`" if option.flag else ""]
    return [*cells, _sentence(option)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

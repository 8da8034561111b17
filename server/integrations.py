"""The database servers that databases can be made of (zero-ETL integrations), as the configuration says."""

from core.config import ConfigError, Options
from core.errors import SqlError
from session.replication import Configured
from storage.federation import Secrets
from storage.replication import Reach


def integrations(options: Options, secrets: Secrets) -> dict[str, Configured]:
    """Return the sources that databases can be made of; raises ``ConfigError`` for a secret that is none."""
    found = {}
    for name, given in options.integrations.items():
        user, password = given.user, given.password
        if given.secret:
            try:
                login = secrets.login(given.secret, None)
            except SqlError as error:
                raise ConfigError(f'integration "{name}": {error.message}') from None
            user, password = login.user, login.password
        reach = Reach(
            host=given.host, port=given.port, database=given.database, user=user, password=password,
            sslmode=given.sslmode, sslrootcert=given.sslrootcert,
        )  # fmt: skip
        found[name] = Configured(reach=reach, publication=given.publication, tables=given.tables)
    return found

"""Options: precedence, types, errors that help, secrets that stay secret."""

import dataclasses

import pytest

from core import config
from core.config import ConfigError, load
from core.options import Kind


def written(tmp_path, text):
    file = tmp_path / "duckshift.toml"
    file.write_text(text)
    return file


def test_defaults_are_the_documented_ones():
    options = load()
    assert (options.server.host, options.server.port) == ("127.0.0.1", 5439)
    assert (options.admin.user, options.admin.database, options.admin.password) == ("awsuser", "dev", "")
    assert options.origins["server.port"] == "default"


def test_flag_wins_over_variable_over_file_over_default(tmp_path):
    file = written(tmp_path, "[server]\nport = 1\nhost = 'a'\nmax_connections = 7\n")
    options = load(file, {"DUCKSHIFT_SERVER_PORT": "2", "DUCKSHIFT_SERVER_HOST": "b"}, {"--port": "3", "--host": None})
    assert (options.server.port, options.server.host, options.server.max_connections) == (3, "b", 7)
    assert options.origins["server.port"] == "--port"
    assert options.origins["server.host"] == "DUCKSHIFT_SERVER_HOST"
    assert options.origins["server.max_connections"] == str(file)


def test_other_variables_are_not_ours():
    assert load(None, {"PATH": "/bin", "DUCKSHIFTY": "x", "DUCKSHIFT_CONFIG": "f"}) == load()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nprot = 1\n", 'unknown key "prot" in [server], did you mean "port"?'),
        ("[sever]\nport = 1\n", 'unknown section [sever], did you mean "server"?'),
        ("[server]\nport = '1'\n", "server.port must be a whole number"),
        ("[server]\nport = true\n", "server.port must be a whole number"),
        ("[server]\nport = 65536\n", "server.port must be between 0 and 65535"),
        ("[server]\nport = -1\n", "server.port must be between 0 and 65535"),
        ("[server]\nauthentication_timeout_s = nan\n", "server.authentication_timeout_s must be between 1 and 3600"),
        ("[storage]\nencrypted = 1\n", "storage.encrypted must be true or false"),
        ("[server]\ntls = 'maybe'\n", 'server.tls must be one of "allow", "require", "disable", not "maybe"'),
        ("[copy]\nlocal_folders = '/tmp'\n", "copy.local_folders must be a list of text"),
        ("[copy]\nlocal_folders = [1]\n", "copy.local_folders must be a list of text"),
        ("server = 1\n", "server must be a table"),
        ("[roles.x]\nregoin = 'a'\n", 'role "x": unknown key "regoin", did you mean "region"?'),
        ("[roles]\nx = 1\n", 'role "x" must be a table'),
        ("[server\n", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("DUCKSHIFT_SERVER_PRT", "1", 'did you mean "DUCKSHIFT_SERVER_PORT"?'),
        ("DUCKSHIFT_SERVER_PORT", "x", 'DUCKSHIFT_SERVER_PORT: "x" is not a whole number'),
        ("DUCKSHIFT_STORAGE_ENCRYPTED", "maybe", '"maybe" is not true or false'),
        ("DUCKSHIFT_LOG_FORMAT", "xml", 'must be one of "text", "json"'),
    ],
)
def test_a_wrong_variable_is_refused(variable, text, message):
    with pytest.raises(ConfigError) as caught:
        load(None, {variable: text})
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*absent.toml: No such file"):
        load(tmp_path / "absent.toml")


def test_text_of_a_variable_becomes_the_options_kind():
    options = load(
        None,
        {
            "DUCKSHIFT_COPY_LOCAL_FOLDERS": "/a, /b,",
            "DUCKSHIFT_STORAGE_ENCRYPTED": "True",
            "DUCKSHIFT_SERVER_DRAIN_GRACE_S": "1.5",
            "DUCKSHIFT_ADMIN_PASSWORD": " keeps blanks ",
        },
    )
    assert options.copy.local_folders == ("/a", "/b")
    assert options.storage.encrypted is True
    assert options.server.drain_grace_s == 1.5
    assert options.admin.password == " keeps blanks "


def test_roles_carry_credentials_and_prefixes(tmp_path):
    file = written(
        tmp_path,
        '[roles."arn:aws:iam::1:role/load"]\naccess_key_id = "A"\nsecret_access_key = "hush"\n'
        'endpoint = "127.0.0.1:9"\nuse_ssl = false\nallowed = ["s3://b/p/"]\n[roles.default]\nregion = "eu-west-1"\n',
    )
    roles = load(file).roles
    role = roles["arn:aws:iam::1:role/load"]
    assert (role.access.secret_access_key, role.access.use_ssl, role.allowed) == ("hush", False, ("s3://b/p/",))
    assert roles["default"].access.region == "eu-west-1"
    assert "hush" not in repr(roles)


def test_no_secret_is_ever_shown():
    secrets = {option.variable: "hush" for option in config.OPTIONS if option.kind is Kind.SECRET}
    assert len(secrets) == 5
    options = load(None, {**secrets, "DUCKSHIFT_STORAGE_CATALOG": "postgres://u:hush@h/d"})
    assert options.admin.password == "hush"
    assert "hush" not in repr(options)


def test_identities_policies_and_secrets_are_tables_of_names(tmp_path):
    file = tmp_path / "duckshift.toml"
    file.write_text(
        '[identities.ann]\naccess_key_id = "AKIA"\nsecret_access_key = "hush"\npolicies = ["p"]\n'
        '[[policies.p.Statement]]\nEffect = "Allow"\n[secrets]\n"arn:x" = "ann"\n'
    )
    options = load(file)
    assert options.identities["ann"].policies == ("p",) and "hush" not in repr(options)
    assert options.policies == {"p": {"Statement": [{"Effect": "Allow"}]}} and options.secrets == {"arn:x": "ann"}
    for wrong in ('[identities.ann]\naccess_key_id = "AKIA"', "[identities.ann]\nkey = 1", "[secrets]\na = 1", "policies = 1"):
        file.write_text(wrong)
        with pytest.raises(ConfigError):
            load(file)


def test_local_state_stays_local_when_the_data_is_in_s3(tmp_path):
    assert load(None, {}, {"--data": str(tmp_path)}).storage.state_folder == tmp_path
    remote = load(None, {}, {"--data": "s3://bucket/prefix"}).storage
    assert remote.is_remote
    assert remote.state_folder.name == "duckshift-data"
    apart = load(None, {"DUCKSHIFT_STORAGE_FOLDER": str(tmp_path), "DUCKSHIFT_STORAGE_DATA": "s3://b/p"}).storage
    assert apart.state_folder == tmp_path


def test_the_table_and_the_values_agree():
    names = [option.name for option in config.OPTIONS]
    assert len(set(names)) == len(names)
    options = load()
    for section, doc in config.SECTIONS:
        keys = [option.key for option in config.OPTIONS if option.section == section]
        assert keys == [field.name for field in dataclasses.fields(getattr(options, section))]
        assert doc.endswith(".")
    for option in config.OPTIONS:
        assert option.doc.endswith(".")
        assert config.checked(option, option.default, option.name) == option.default

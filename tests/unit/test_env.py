"""The environment's reader: valid values, refused ones, and its messages."""

import re
from ipaddress import ip_network

import pytest

from chatty_project import env

KEY = "k" * env.SHORTEST_SECRET_KEY


def problems(**environ: str) -> list[str]:
    with pytest.raises(env.SettingsError) as error:
        env.read(environ)
    return error.value.problems


def test_an_empty_environment_is_production_on_one_process_with_everything_embedded() -> None:
    environment = env.read({})

    assert environment[env.DEBUG] is False
    assert environment[env.SECRET_KEY] == ""
    assert environment[env.ALLOWED_HOSTS] == []
    assert (environment[env.HOST], environment[env.PORT]) == ("127.0.0.1", 8000)
    assert environment[env.WEB_CONCURRENCY] == 1
    assert environment[env.REDIS_URL] == []
    assert environment[env.PAGE_MAX_AGE] == 25300


def test_development_has_defaults_of_its_own_and_what_is_given_comes_first() -> None:
    environment = env.read({"DEBUG": "true", "PAGE_MAX_AGE": "60"})

    assert environment[env.ALLOWED_HOSTS] == ["localhost", "127.0.0.1", "[::1]"]
    assert environment[env.PAGE_MAX_AGE] == 60


def test_an_empty_or_blank_value_counts_as_not_given() -> None:
    environment = env.read({"PORT": "", "DATABASE_URL": "  ", "LOG_LEVEL": " "})

    assert environment[env.PORT] == 8000
    assert environment[env.DATABASE_URL] == ""
    assert environment[env.LOG_LEVEL] == "info"


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (env.DEBUG, "True", True),
        (env.DEBUG, "1", True),
        (env.DEBUG, "off", False),
        (env.PORT, " 65535 ", 65535),
        (env.ALLOWED_HOSTS, "chat.example.com, .Example.org,[::1],10.0.0.1,*",
         ["chat.example.com", ".example.org", "[::1]", "10.0.0.1", "*"]),
        (env.ALLOWED_ORIGINS, "https://Chat.example.com,http://localhost:8000",
         ["https://chat.example.com", "http://localhost:8000"]),
        (env.TRUSTED_PROXIES, "None", []),
        (env.TRUSTED_PROXIES, "10.0.0.0/8, ::1", [ip_network("10.0.0.0/8"), ip_network("::1")]),
        (env.REDIS_URL, "redis://a:6379/0,rediss://user:pass@b,unix:///run/redis.sock?db=1",
         ["redis://a:6379/0", "rediss://user:pass@b", "unix:///run/redis.sock?db=1"]),
        (env.DATABASE_URL, "postgres://chatty:p%40ss@db:5432/chatty", "postgres://chatty:p%40ss@db:5432/chatty"),
        (env.DATABASE_URL, "postgresql:///chatty", "postgresql:///chatty"),
        (env.DATABASE_URL, "sqlite:////data/chatty.sqlite3", "sqlite:////data/chatty.sqlite3"),
        (env.URL_PREFIX, "/talk/", "/talk"),
        (env.URL_PREFIX, "/a/b-c", "/a/b-c"),
        (env.URL_PREFIX, "/", ""),
        (env.SOCKET_URL, "wss://ws.example.com/ws/chatty/", "wss://ws.example.com/ws/chatty"),
        (env.FRAME_ANCESTORS, "Self, https://Intranet.example.com:8443",
         ["'self'", "https://intranet.example.com:8443"]),
        (env.EMBED_KEYS, f"shop:{'s' * 32},blog:{'b' * 30}:é, shop:{'o' * 40}",
         {"shop": ["s" * 32, "o" * 40], "blog": ["b" * 30 + ":é"]}),
        (env.SECRET_KEY_FALLBACKS, "old, older", ["old", "older"]),
        (env.LOG_LEVEL, "Debug", "debug"),
    ],
)  # fmt: skip
def test_a_good_value_is_read(setting: env.Setting[object], text: str, value: object) -> None:
    assert env.read({setting.name: text})[setting] == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DEBUG", "perhaps"),
        ("SECRET_KEY", "too short"),
        ("ALLOWED_HOSTS", "https://chat.example.com"),
        ("ALLOWED_HOSTS", "chat.example.com:8000"),
        ("ALLOWED_ORIGINS", "chat.example.com"),
        ("ALLOWED_ORIGINS", "https://chat.example.com/chatty"),
        ("ALLOWED_ORIGINS", "wss://chat.example.com"),
        ("ALLOWED_ORIGINS", "https://chat.example.com:http"),
        ("FRAME_ANCESTORS", "intranet.example.com"),
        ("FRAME_ANCESTORS", "none"),
        ("FRAME_ANCESTORS", "https://a.example; script-src *"),
        ("EMBED_KEYS", "shop"),
        ("EMBED_KEYS", f"shop:{'s' * 31}"),
        ("EMBED_KEYS", f"our shop:{'s' * 32}"),
        ("EMBED_KEYS", f":{'s' * 32}"),
        ("HOST", "http://localhost"),
        ("PORT", "80x"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "\u0661\u0662"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "auto"),
        ("REDIS_URL", "localhost"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost:6379"),
        ("REDIS_URL", "redis://localhost:port"),
        ("REDIS_URL", "redis://"),
        ("DATABASE_URL", "chatty.sqlite3"),
        ("DATABASE_URL", "mysql://localhost/chatty"),
        ("DATABASE_URL", "postgres:user@host/name"),
        ("DATABASE_URL", "postgres://localhost"),
        ("DATABASE_URL", "postgres://localhost:nine/chatty"),
        ("DATABASE_URL", "sqlite://chatty.sqlite3"),
        ("URL_PREFIX", "talk"),
        ("URL_PREFIX", "/talk//x"),
        ("URL_PREFIX", "/../x"),
        ("URL_PREFIX", "https://example.com/talk"),
        ("SOCKET_URL", "https://chat.example.com"),
        ("SOCKET_URL", "wss:///ws"),
        ("PAGE_MAX_AGE", "1 day"),
        ("HTTPS", "https"),
        ("TRUSTED_PROXIES", "proxy.internal"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TOKEN_MAX_AGE_DAYS", "0"),
        ("RESUME_LIMIT", "1e3"),
        ("UNSENT_LIMIT", "1000"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_what_was_expected(name: str, text: str) -> None:
    (problem,) = problems(**{name: text})

    assert re.fullmatch(rf'{name} is ".*"; expected .+', problem)


def test_a_refusal_reads_as_a_sentence() -> None:
    assert problems(PORT="80x") == ['PORT is "80x"; expected a port number, 1-65535']
    assert problems(REDIS_URL="localhost") == [
        'REDIS_URL is "localhost"; expected redis://host:port/db, rediss://... or unix:///path '
        "(several: separated by commas)"
    ]


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert [problem.split()[0] for problem in problems(PORT="x", LOG_LEVEL="x", DEBUG="x")] == [
        "DEBUG",
        "PORT",
        "LOG_LEVEL",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SECRET_KEY", "hunter2"),
        ("DATABASE_URL", "mysql://user:hunter2@host/name"),
        ("DATABASE_URL", "postgres:user:hunter2@host/name"),
        ("DATABASE_URL", "postgres://user:hunter2@host:port/name"),
        ("DATABASE_URL", "postgres://user:p@:/hunter2@host:port/name"),
        ("DATABASE_URL", "mysql://host/name?password=hunter2&user=me"),
        ("REDIS_URL", "redis://:hunter2"),
        ("REDIS_URL", "redis://:hunter2@"),
        ("REDIS_URL", "redis://a:6379,http://:hunter2@b"),
        ("REDIS_URL", "redis://:hun,hunter2@host"),
    ],
)
def test_a_refusal_holds_no_secret(name: str, text: str) -> None:
    (problem,) = problems(**{name: text})

    assert "hunter2" not in problem


def reasons(**environ: str) -> list[str]:
    return env.problems(env.read(environ))


def test_production_needs_a_key_and_hosts_and_development_needs_nothing() -> None:
    assert [line.split()[0] for line in reasons()] == ["SECRET_KEY", "ALLOWED_HOSTS"]
    assert reasons(SECRET_KEY=KEY, ALLOWED_HOSTS="chat.example.com", HOST="0.0.0.0") == []
    assert reasons(DEBUG="true") == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]", "LOCALHOST."])
def test_development_is_for_this_machine(host: str) -> None:
    assert reasons(DEBUG="true", HOST=host) == []


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "0", "::", "[::]", "192.168.1.5", "chat.example.com", "127.0.0.1.example.com"]
)
def test_development_lets_nobody_else_in(host: str) -> None:
    (line,) = reasons(DEBUG="true", HOST=host)
    assert line.startswith(f'DEBUG is true and HOST is "{host}"; expected only this machine')


@pytest.mark.parametrize("host", ["*", "chat.example.com", ".example.com", "192.168.1.5"])
def test_development_answers_to_no_name_of_elsewhere(host: str) -> None:
    assert reasons(DEBUG="true", ALLOWED_HOSTS="localhost,[::1],.localhost") == []
    (line,) = reasons(DEBUG="true", ALLOWED_HOSTS=f"localhost,{host}")
    assert line.startswith(f'DEBUG is true and ALLOWED_HOSTS has "{host}"; expected only this machine')

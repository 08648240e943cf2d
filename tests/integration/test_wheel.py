"""The wheel, installed in other Django projects as docs/embedding.md says."""

import ast
import email
import re
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

from tests.hosts import BLOCKS, Host, code_for, installed, metadata, wheel
from tests.servers import ROOT

# What may be in the host's own packages or not, and is imported only there.
OPTIONAL = {"psycopg"}
SCRIPT = Path(__file__).with_name("embedded.py")
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


def names() -> list[str]:
    with zipfile.ZipFile(wheel()) as archive:
        return archive.namelist()


def files(folder: str, suffix: str = "") -> set[str]:
    return {
        path.relative_to(ROOT / folder).as_posix() for path in (ROOT / folder).rglob(f"*{suffix}") if path.is_file()
    }


def test_the_wheel_holds_the_application_with_its_files_and_nothing_else() -> None:
    found = set(names())
    own = files("chat", ".py") | {f"templates/chat/{name}" for name in files("templates/chat")}
    own |= {f"static/chat/{name}" for name in files("static/chat")} | {f"locale/{name}" for name in files("locale")}
    reboot = "css/bootstrap-reboot.min.css"
    own |= {f"static/chat/bootstrap/{name}" for name in ("LICENSE", reboot, f"{reboot}.map")}
    assert {"migrations/0001_initial.py", "locale/de/LC_MESSAGES/django.mo", "static/chat/js/app/main.js"} <= own
    about = {name for name in found if name.startswith("django_chatty-")}
    assert {name.partition("/")[2] for name in about} == {"METADATA", "WHEEL", "RECORD", "licenses/LICENSE"}
    assert found - about == {f"chat/{name}" for name in own}


def test_the_metadata_is_valid_and_complete() -> None:
    found = Metadata.from_email(metadata(), validate=True)
    assert (found.name, str(found.version), found.license_expression) == ("django-chatty", "0.1.0", "MIT")
    assert found.description is not None
    assert found.description.startswith("# Chatty in a Django site")
    assert not re.findall(r"\]\((?!http)", found.description), "a link from the package's page leads nowhere"
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == str(found.version)
    assert f"django_chatty-{found.version}-py3-none-any.whl" == wheel().name
    assert wheel().name in "".join(text for _, text in BLOCKS)


def imported(script: Path) -> set[str]:
    """The packages that a script imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_the_wheel_requires_what_the_application_imports() -> None:
    packages = set().union(*(imported(script) for script in (ROOT / "chat").rglob("*.py")))
    packages -= {"chat", *OPTIONAL, *sys.stdlib_module_names}
    distributions = packages_distributions()
    expected = {distributions[package][0].lower().replace("_", "-") for package in packages}
    lines = email.message_from_string(metadata()).get_all("Requires-Dist", [])
    required = [requirement for requirement in map(Requirement, lines) if requirement.marker is None]
    expected.add("channels-redis")  # CHANNEL_LAYERS names its module.
    assert {requirement.name for requirement in required} == expected
    bounded = [requirement for requirement in required if requirement.name != "certifi"]  # Always the newest is best.
    assert all({"<", ">="} == {one.operator for one in requirement.specifier} for requirement in bounded)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A project with a user model of its own."""
    host = Host(tmp_path_factory.mktemp("host") / "project")
    host.manage("makemigrations", "people")
    assert "Applying chat.0001_initial... OK" in host.manage("migrate")
    return host


def test_the_docs_lines_leave_nothing_to_complain_about(host: Host) -> None:
    assert "no issues (0 silenced)" in host.manage("check")
    assert "no issues (0 silenced)" in host.manage("check", "--tag", "chat")


def test_installed_the_application_needs_nothing_of_the_repository(host: Host) -> None:
    assert "All is well.\n" in host.python(str(SCRIPT))
    assert "No changes detected" in host.manage("makemigrations", "--check")
    where = host.python("-c", "import chat; print(chat.__file__)").strip()
    assert where == str(installed() / "chat" / "__init__.py")


def test_it_works_in_a_project_as_startproject_makes_it(tmp_path: Path) -> None:
    host = Host(tmp_path / "project", settings="")
    host.manage("migrate")
    assert "All is well.\n" in host.python(str(SCRIPT))


HASHED_PAGE = """
import re
import django; django.setup()
from django.test import Client
page = Client().get("/talk/chatty/lobby", SERVER_NAME="localhost").content.decode()
print(*re.findall(r'(?:href|src)="/static/([^"]*)"', page))
"""
HASH = re.compile(r"\.[0-9a-f]{12}\.")


@pytest.mark.parametrize(("backend", "warnings"), [("mysite.storage.HashedFiles", 0), (MANIFEST, 1)])
def test_static_files_may_have_hashed_names(host: Host, tmp_path: Path, backend: str, warnings: int) -> None:
    """Django's own storage fails where a file names another one that isn't there."""
    (host.folder / "mysite" / "storage.py").write_text(code_for("mysite/storage.py"))
    hashed = code_for("mysite/settings.py, for hashed names").replace("mysite.storage.HashedFiles", backend)
    settings = f"STATIC_ROOT = {str(tmp_path)!r}\nDEBUG = False\nALLOWED_HOSTS = ['localhost']\n"
    (host.folder / "hashed.py").write_text(f"from mysite.settings import *\n{settings}{hashed}")
    host.environment["DJANGO_SETTINGS_MODULE"] = "hashed"
    try:
        host.manage("collectstatic", "--noinput", "--settings=hashed")
        output = host.manage("check", "--tag", "chat", "--deploy", "--settings=hashed")
        names = host.python("-c", HASHED_PAGE).split()
    finally:
        host.environment["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    assert output.count("chat.W007") == warnings
    loaded = [name for name in names if name.startswith("chat/")]
    assert all(HASH.search(name) and (tmp_path / name).is_file() for name in loaded), loaded
    (entry,) = {name for name in loaded if name.startswith("chat/js/app/main.")}
    imports = re.findall(r'from\s*"(\./[^"]+)"', (tmp_path / entry).read_text())
    assert imports
    assert all(bool(HASH.search(name)) is not bool(warnings) for name in imports)
    assert (len(loaded) > 100) is not bool(warnings), "what isn't loaded by this name isn't fetched early"


def test_german_is_there_where_the_host_has_it(host: Host) -> None:
    script = """
import django; django.setup()
from django.utils import translation
from django.test import Client
with translation.override("de"):
    print(translation.gettext("Skip to message field"))
"""
    german = host.python("-c", script).strip()
    assert german != "Skip to message field"


def test_the_options_that_the_docs_name_are_settings_that_the_checks_accept(tmp_path: Path) -> None:
    host = Host(tmp_path / "project", settings="")
    host.append("settings", code_for("mysite/settings.py, for several processes"))
    host.append("settings", code_for("mysite/settings.py, for SQLite"))
    output = host.manage("check", "--tag", "chat", "--deploy")
    assert "no issues (0 silenced)" in output


WHO_AND_WHERE = """
import django; django.setup()
from types import SimpleNamespace
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import RequestFactory
from mysite.people import can_join, identify

request = RequestFactory().get("/")
assert identify(request) is None
request.COOKIES["sessionid"] = SESSION
person = identify(request)
assert person.name == "dora", person
guest = SimpleNamespace(account=None)
assert can_join(guest, "lobby") and can_join(person, "lobby")
assert not can_join(guest, "course-1") and not can_join(person, "course-1")
get_user_model().objects.get(pk=person.account).groups.add(Group.objects.create(name="course-1"))
assert can_join(person, "course-1")
print("All is well.")
"""


def test_the_docs_functions_decide_who_somebody_is_and_where_they_may_go(tmp_path: Path) -> None:
    host = Host(tmp_path / "project")
    host.append("settings", code_for("mysite/settings.py, for people and rooms of your own"))
    (host.folder / "mysite" / "people.py").write_text(code_for("mysite/people.py"))
    host.manage("makemigrations", "people")
    host.manage("migrate")
    assert "no issues" in host.manage("check", "--tag", "chat")
    session = host.sign_in("dora", "Dora Fuchs")
    assert "All is well.\n" in host.python("-c", WHO_AND_WHERE.replace("SESSION", repr(session)))

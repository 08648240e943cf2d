"""Settings, files and limits of this machine."""

from chat import open_files
from chatty_project import env, internals, places
from chatty_project.doctor.findings import Finding, ok, problem, warning

FEW_FILES = 4_096  # Two for each member, behind a proxy on this machine. A container's default is often 1,024.


def look(environment: env.Environment) -> list[Finding]:
    """The findings about the environment, the folders, and the limit of open files."""
    found = [problem("settings", words) for words in env.problems(environment)]
    if environment[env.DEBUG]:
        found.append(warning("settings", "DEBUG is true: for development only; expected false for others to come"))
    if environment[env.WEB_CONCURRENCY] > 1 and not environment[env.REDIS_URL]:
        workers = environment[env.WEB_CONCURRENCY]
        found.append(problem("settings", f"WEB_CONCURRENCY is {workers} and REDIS_URL is not set; expected a Redis"))
    if not environment[env.HTTPS] and not environment[env.DEBUG]:
        found.append(
            warning("settings", "HTTPS is false: no notifications, no app; put a proxy with HTTPS in front and set it")
        )
    found += [problem("settings", words) for words in internals.problems()]
    found += [problem("files", words) for words in places.problems(environment)]
    if (limit := open_files.raise_limit()) < FEW_FILES:
        found.append(warning("files", f"{limit:,} files may be open, one for each member; raise it (LimitNOFILE=)"))
    return found or [ok("settings", "all valid")]

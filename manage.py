#!/usr/bin/env python
"""Django's command line. `runserver` is the one command that turns development on by itself."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatty_project.settings")
    if sys.argv[1:2] == ["runserver"]:
        os.environ.setdefault("DEBUG", "true")

    from django.core.management import execute_from_command_line
    from django.db import Error

    from chatty_project import databases

    try:
        execute_from_command_line(sys.argv)
    except Error as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(databases.explain(error))


if __name__ == "__main__":
    main()

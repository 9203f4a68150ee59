"""`make token`: prints an access token of the sandbox's demo user, valid for an hour, from a running `make run`."""

import os
import sys

import run


def main():
    try:
        settings = run.Settings(os.environ)
        print(run.fresh_token(settings))
    except run.StartFailed as problem:
        sys.exit(f"make token: {problem}")
    except OSError as error:
        sys.exit(f"make token: {settings.sandbox} does not answer ({error}). Is `make run` running there?")


if __name__ == "__main__":
    main()

"""PostgreSQL through psql, which finds the server by the PG* variables that `run` has set."""

import subprocess


def query(sql, **values):
    """Rows as lists of texts. Values are psql variables: write :'name' where they belong."""
    settings = [part for name, value in values.items() for part in ("-v", f"{name}={value}")]
    command = ["psql", "-XqtA", "-F", "\t", "-v", "ON_ERROR_STOP=1", *settings]
    done = subprocess.run(command, input=sql, text=True, capture_output=True, timeout=120)
    if done.returncode != 0:
        raise OSError(f"psql: {done.stderr.strip()}")
    return [line.split("\t") for line in done.stdout.splitlines()]

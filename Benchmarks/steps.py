#!/usr/bin/python3
"""Durable no-op steps each second, against pgbench with the statement that a step costs, on as many connections.

usage: steps.py HOSTAL-BENCH JOB-STORE-SOURCE WORK-DIRECTORY ROUNDS

Each round makes fresh jobs for each side. pgbench's statement is read out of the store's source, so that it is never yesterday's.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile

import database

CONNECTIONS = (1, 8)
STEPS = 100  # of each job
JOBS = 4  # for each connection, one after another
RUN_LIMIT = 300  # seconds

BOUND = {
    r"\(lease.job)": ":job", r"\(lease.epoch)": ":epoch", r"\(step)": ":seq", r"\(next.step)": ":next",
    r"\(next.name.text)": ":name", r"\(try JSONText(encoding: next.intent))": ":document", r"\(output)": ":document",
    r"\(percent)": ":percent",
}


def statement(source, function):
    """The first SQL text of a Swift function, with pgbench's variables for what the function binds."""
    found = re.search(rf'func {function}\(.*?"""\n(.*?)\n\s*"""', source, re.DOTALL)
    if not found:
        raise ValueError(f"JobStore has no SQL in {function}()")
    sql = found.group(1)
    for swift, variable in BOUND.items():
        sql = sql.replace(swift, variable)
    if "\\(" in sql:
        raise ValueError(f"{function}() binds something new; add it to BOUND: {sql}")
    return sql.strip() + ";"


def make_jobs(count, tag):
    """Orders with open no-op jobs in the state that the engine finds them in; returns the first job's number."""
    database.query("delete from hostal.job_steps")
    database.query("update hostal.jobs set state = 'succeeded' where state = 'open'")
    database.query(
        """
        select hostal.place_order('bench', :'tag' || n, 'create', :'spec'::jsonb || jsonb_build_object('name', :'tag' || n))
          from generate_series(1, :'count'::int) n;
        update hostal.jobs set workflow = 'no-op' where state = 'open';
        """,
        count=count, tag=tag, spec=json.dumps({"account": "1", "plan": "bench", "image": "bench"}))
    database.query("vacuum analyze hostal.jobs, hostal.job_steps")
    database.query("checkpoint")
    return int(database.query("select min(id) from hostal.jobs where state = 'open'")[0][0])


def engine(program, work, connections, tag, *flags):
    make_jobs(connections * JOBS, tag)
    with tempfile.TemporaryDirectory(dir=work) as fences:
        command = [program, "--host=1", f"--connections={connections}", f"--steps={STEPS}", f"--fences={fences}"]
        done = subprocess.run([*command, *flags], check=True, stdout=subprocess.PIPE, text=True, timeout=RUN_LIMIT)
    steps, seconds = done.stdout.split()
    written = int(database.query("select count(*) from hostal.job_steps where state = 'done'")[0][0])
    if not written == int(steps) == connections * JOBS * STEPS:
        raise ValueError(f"the engine says {steps} steps, the database has {written}")
    return int(steps) / float(seconds)


def pgbench(script, connections, tag):
    first = make_jobs(connections, tag)
    database.query(
        """
        update hostal.jobs set lease_until = now() + interval '1 hour', lease_epoch = 1, lease_owner = 'pgbench',
               step_names = (select array_agg('no-op-' || n) from generate_series(0, :'steps'::int - 1) n)
         where state = 'open';
        insert into hostal.job_steps (job_id, seq, name, state, intent)
        select id, 0, 'no-op', 'intended', '{}' from hostal.jobs where state = 'open'
        """, steps=STEPS)
    each = JOBS * STEPS
    variables = {"first": first, "seq": -1, "epoch": 1, "percent": 50, "name": "no-op", "document": "{}"}
    settings = [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
    command = ["pgbench", "-n", "-M", "prepared", "-c", str(connections), "-j", "1", "-t", str(each), "-f", script, *settings]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=RUN_LIMIT)
    written = int(database.query("select count(*) from hostal.job_steps where state = 'done'")[0][0])
    if written != connections * each:
        raise ValueError(f"pgbench wrote {written} steps instead of {connections * each}")
    return float(re.search(r"tps = ([0-9.]+) \(without", done.stdout).group(1))


def main():
    program, source, work, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    with open(source, encoding="utf-8") as file:
        text = file.read()
    script = f"{work}/steps.pgbench"
    with open(script, "w", encoding="utf-8") as file:
        lines = [
            r"\set job :first + :client_id", r"\set seq :seq + 1", r"\set next :seq + 1", statement(text, "completionAndIntent"),
        ]
        file.write("\n".join(lines) + "\n")
    for connections in CONNECTIONS:
        ours, direct, theirs = [], [], []
        for turn in range(rounds):
            tag = f"s{connections}-{turn}-"
            ours.append(engine(program, work, connections, tag + "a"))
            theirs.append(pgbench(script, connections, tag + "b"))
            direct.append(engine(program, work, connections, tag + "c", "--on-database-thread"))
        base = statistics.median(theirs)
        names = {"": ours, ", on the database thread": direct}
        for name, values in names.items():
            rate = statistics.median(values)
            title = f"no-op steps, {connections} connections{name}"
            print(f"{title:46}{rate:5.0f} /s  {base:9.0f} /s  {rate / base:7.2f}  >= 0.50")


main()

#!/usr/bin/env python3
"""hostal against Debian's hcloud-cli: one list of servers, from the program's start to its end.

HOSTAL_ENDPOINT and HOSTAL_TOKEN name the API that both ask, for instance a `hostald api` with 25 servers. The programs take turns, so that
whatever slows the machine slows both. Prints medians of wall-clock and processor time, the greatest memory, and ratios.

    swift build -c release --static-swift-stdlib --product hostal
    Benchmarks/cli.py [ROUNDS]
"""
import os
import shutil
import statistics
import sys
import time

HOSTAL = os.path.join(os.path.dirname(__file__), "../.build/release/hostal")
WARM_UP = 5


def run(words, environment):
    """One run: wall-clock and processor time in ms, the greatest memory in MiB."""
    null = os.open("/dev/null", os.O_RDWR)
    start = time.perf_counter()
    child = os.posix_spawn(words[0], words, environment, file_actions=[(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)])
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    os.close(null)
    if status != 0:
        sys.exit(f"{' '.join(words)} failed with status {status}")
    return wall * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3, usage.ru_maxrss / 1024


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    hcloud = shutil.which("hcloud")
    if hcloud is None:
        sys.exit("hcloud is missing: apt-get install hcloud-cli")
    try:
        endpoint, token = os.environ["HOSTAL_ENDPOINT"], os.environ["HOSTAL_TOKEN"]
    except KeyError as missing:
        sys.exit(f"{missing} is not set: see the top of this file")
    root = endpoint.rstrip("/")
    root = root if root.endswith("/v1") else root + "/v1"
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent",
        "HOSTAL_ENDPOINT": root, "HOSTAL_TOKEN": token, "HCLOUD_ENDPOINT": root, "HCLOUD_TOKEN": token,
    }
    print(f"{'':16}{'hostal':>24}{'hcloud':>24}{'ratio':>18}")
    for verb in (["version"], ["server", "list"]):
        taken = {HOSTAL: [], hcloud: []}
        for count in range(rounds + WARM_UP):
            for program in taken:
                result = run([program] + verb, environment)
                if count >= WARM_UP:
                    taken[program].append(result)
        for index, (what, unit) in enumerate([("wall", "ms"), ("processor", "ms"), ("memory", "MiB")]):
            ours, theirs = (statistics.median(r[index] for r in taken[p]) for p in (HOSTAL, hcloud))
            print(f"{' '.join(verb) if index == 0 else '':16}{what:>10}{ours:10.1f} {unit:3}{theirs:20.1f} {unit:3}{ours / theirs:18.2f}")


if __name__ == "__main__":
    main()

#!/bin/sh
# Tells the host, at every boot, what cloud-init made of the seed: one line of JSON to a virtio port. It needs no network and no agent.
#
# cloud-init runs this file as a boothook at each boot, without arguments: then it lays itself out below /run, so that nothing stays
# on the customer's disk, and asks systemd to run it again, with `send`, once cloud-init has ended.
# HOSTAL_ROOT goes before every path and HOSTAL_WAIT is the patience in seconds, both for tests.
set -eu
root=${HOSTAL_ROOT:-}
wait=${HOSTAL_WAIT:-30}
port=$root/dev/virtio-ports/org.hostal.report.0

# True as soon as the path exists, false after the patience.
await() {
    waited=0
    until [ -e "$1" ]; do
        [ "$waited" -lt "$wait" ] || return 1
        waited=$((waited + 1))
        sleep 1
    done
}

install() {
    mkdir -p "$root/run/hostal" "$root/run/udev/rules.d"
    # What the host adds to a system that runs is put to use at once.
    cat >"$root/run/udev/rules.d/80-hostal-growth.rules" <<'RULES'
ACTION=="add", SUBSYSTEM=="cpu", ATTR{online}=="0", ATTR{online}="1"
ACTION=="add", SUBSYSTEM=="memory", ATTR{state}=="offline", ATTR{state}="online"
RULES
    cp "$0" "$root/run/hostal/report.sh"
    # systemd's own limit is above the sum of both waits. /run may be mounted noexec, hence the shell.
    exec systemd-run --quiet --no-block --collect --unit=hostal-report --description="Report cloud-init's result to the host" \
        --property=After=cloud-final.service --property=RuntimeMaxSec=120 /bin/sh "$root/run/hostal/report.sh" send
}

send() {
    # No port: this host is not Hostal's, or the image has moved on. Nothing to tell anybody.
    await "$port" || exit 0
    await "$root/run/cloud-init/result.json" || :
    # cloud-init's own Python, whatever the distribution calls it.
    python=$(sed -n '1s/^#! *\([^ ]*\).*/\1/p' "$(command -v cloud-init || echo /dev/null)" 2>/dev/null || :)
    [ -x "$python" ] || python=python3
    HOSTAL_ROOT=$root HOSTAL_WAIT=$wait "$python" -I -S - >"$port" <<'PYTHON'
import glob, json, os

MAX_ERRORS, MAX_ERROR_CHARACTERS, MAX_KEYS, MAX_KEY_CHARACTERS = 20, 500, 8, 2000
MAX_LINE_BYTES = 60000
MAX_FILE_CHARACTERS = 1 << 20
root = os.environ.get("HOSTAL_ROOT", "")


def read(path):
    try:
        with open(root + path, encoding="utf-8", errors="replace") as file:
            return file.read(MAX_FILE_CHARACTERS)
    except OSError:
        return ""


def read_v1(path):
    try:
        v1 = json.loads(read(path))["v1"]
        return v1 if isinstance(v1, dict) else None
    except (ValueError, KeyError, TypeError):
        return None


def errors_of(v1):
    errors = v1.get("errors") or []
    return [str(error) for error in errors] if isinstance(errors, list) else [str(errors)]


result = read_v1("/run/cloud-init/result.json")
stages = [stage for stage in (read_v1("/run/cloud-init/status.json") or {}).values() if isinstance(stage, dict)]
if result is None:
    errors = [error for stage in stages for error in errors_of(stage)]
    errors.append("cloud-init left no result within %s s of its end" % os.environ["HOSTAL_WAIT"])
else:
    errors = errors_of(result)

if errors:
    status = "error"
elif any(stage.get("recoverable_errors") for stage in stages):
    status = "degraded done"
else:
    status = "done"

keys = [read(path[len(root):]).strip() for path in sorted(glob.glob(glob.escape(root) + "/etc/ssh/ssh_host_*_key.pub"))]
keys = [key for key in keys if key and "\n" not in key and len(key) <= MAX_KEY_CHARACTERS]
report = {
    "instance_id": read("/var/lib/cloud/data/instance-id").strip(),
    "boot_id": read("/proc/sys/kernel/random/boot_id").strip(),
    "status": status,
    # Half a surrogate pair is legal in JSON as cloud-init writes it, and in no other place.
    "errors": [error[:MAX_ERROR_CHARACTERS].encode("utf-8", "replace").decode() for error in errors[:MAX_ERRORS]],
    "host_keys": keys[:MAX_KEYS],
}
line = json.dumps(report)
while len(line) > MAX_LINE_BYTES and report["errors"]:
    report["errors"].pop()
    line = json.dumps(report)
print(line, flush=True)
PYTHON
}

case ${1:-install} in
install) install ;;
send) send ;;
*) echo "usage: report.sh [install|send]" >&2; exit 64 ;;
esac

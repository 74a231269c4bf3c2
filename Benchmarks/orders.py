#!/usr/bin/python3
"""From an order's commit to its running domain, against the same raw work on the same libvirtd: qemu-img, an ISO, define, start.

usage: orders.py LIBVIRT-URI ROUNDS

Both take turns, so that whatever else slows the machine slows both. The first order is not counted: it brings the image to the host.
"""

import json
import re
import statistics
import subprocess
import sys
import time
import uuid

import database
import virt

WAIT_LIMIT = 90  # seconds, for one order: a fresh libvirtd first asks QEMU what it can do
LAYOUT = "cluster_size=128k,extended_l2=on"

# Waits on the server, so that nothing but a sleeping backend runs beside what is measured.
AWAIT = """
do $$ begin
    for i in 1..%d loop
        if exists (%s) then return; end if;
        perform pg_sleep(0.05);
    end loop;
    raise exception 'not in time: %s';
end $$;
"""


def wait_until(condition):
    database.query(AWAIT % (WAIT_LIMIT * 20, condition, condition.replace("'", "''")))


def place(kind, reference, spec):
    sql = "select hostal.place_order('bench', :'reference', :'kind', :'spec');"
    return int(database.query(sql, reference=reference, kind=kind, spec=json.dumps(spec))[0][0])


def order(number):
    """Places an order and waits for its guest to run; returns the order's and the guest's id."""
    spec = {"account": "1", "name": f"bench-{number}", "plan": "bench", "image": "bench"}
    placed = place("create", f"create-{number}", spec)
    job = f"from hostal.jobs j join hostal.job_steps t on t.job_id = j.id where j.order_id = {placed}"
    wait_until(f"select {job} and t.name = 'start-guest' and t.state = 'done'")
    guest = database.query(
        f"select s.guest from hostal.orders o join hostal.servers s on s.id = o.server_id where o.id = {placed}")
    return placed, guest[0][0]


def seconds(placed):
    """From the order to the end of start-guest, and each part of it by name, in order."""
    rows = database.query(f"""
        select t.name, extract(epoch from t.started_at - o.created_at), extract(epoch from t.finished_at - o.created_at)
          from hostal.orders o join hostal.jobs j on j.order_id = o.id join hostal.job_steps t on t.job_id = j.id
         where o.id = {placed} and t.state = 'done' order by t.seq""")
    parts = {"(until claimed)": float(rows[0][1])}
    end = float(rows[0][1])
    for name, _, finished in rows:
        parts[name] = float(finished) - end
        end = float(finished)
    return end, parts


def delete(number):
    placed = place("delete", f"delete-{number}", {"service": f"create-{number}"})
    wait_until(f"select from hostal.orders where id = {placed} and state = 'succeeded'")


class Raw:
    """The same guest without Hostal. Everything about it is known beforehand; only the work is left."""

    def __init__(self, connection, guest):
        self.connection = connection
        self.guest = guest
        self.xml = connection.xml(guest)
        self.volume = self._path(r"<disk [^>]*device='disk'.*?<source file='([^']+)'")
        self.image = self._path(r"<backingStore.*?<source file='([^']+)'")
        self.seed_path = self._path(r"device='cdrom'.*?<source file='([^']+)'")
        with open(self.seed_path, "rb") as file:
            self.seed = file.read()
        info = subprocess.run(["qemu-img", "info", "-U", "--output=json", self.volume], check=True, capture_output=True)
        self.size = json.loads(info.stdout)["virtual-size"]

    def _path(self, pattern):
        found = re.search(pattern, self.xml, re.DOTALL)
        if not found:
            raise ValueError(f"the product's XML has no {pattern}")
        return found.group(1)

    def run(self, number):
        """Seconds."""
        own = str(uuid.uuid4())
        xml = self.xml.replace(self.guest, own)
        xml = re.sub(r"<name>hostal-\d+</name>", f"<name>raw-{number}</name>", xml)
        xml = re.sub(r"<target dev='vps-\d+'/>", f"<target dev='raw-{number}'/>", xml)
        xml = re.sub(r"<mac address='[^']+'/>", f"<mac address='02:ff:00:00:00:{number:02x}'/>", xml)
        volume = self.volume.replace(self.guest, own)
        seed = self.seed_path.replace(self.guest, own)
        begin = time.perf_counter()
        create = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", LAYOUT, "-b", self.image, "-F", "raw"]
        subprocess.run([*create, volume, str(self.size)], check=True)
        with open(seed, "wb") as file:
            file.write(self.seed)
        domain = self.connection.define(xml)
        virt.start(domain)
        taken = time.perf_counter() - begin
        virt.remove(domain)
        return taken


def main():
    uri, rounds = sys.argv[1], int(sys.argv[2])
    connection = virt.Connection(uri)
    _, guest = order(0)
    raw = Raw(connection, guest)
    delete(0)
    raw.run(0)
    ordered, plain, parts = [], [], []
    for number in range(1, rounds + 1):
        placed, _ = order(number)
        total, split = seconds(placed)
        delete(number)
        ordered.append(total)
        parts.append(split)
        plain.append(raw.run(number))
    connection.close()
    ours, theirs = statistics.median(ordered), statistics.median(plain)
    print(f"{'order -> domain running':46}{ours * 1e3:5.0f} ms  {theirs * 1e3:9.0f} ms  {ours / theirs:7.2f}  <= 1.10")
    for name in parts[0]:
        print(f"    {name:42}{statistics.median(part[name] for part in parts) * 1e3:5.0f} ms")


main()

#!/usr/bin/env python3
"""Tells clients at ADDRESS:111 where an NFS server of a test listens, and accepts whatever that server registers at SOCKET.

Debian 12's rpcbind cannot be bound to one address, and NFS version 3 asks nobody else. usage: portmapper.py ADDRESS SOCKET NFS_PORT MOUNT_PORT
"""
import socket
import struct
import sys
import threading

address, path, nfs_port, mount_port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ports = {100003: nfs_port, 100005: mount_port}
GETPORT = 3


def exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def answer(call):
    xid, _, _, _, version, procedure = struct.unpack_from(">6I", call)
    header = struct.pack(">6I", xid, 1, 0, 0, 0, 0)
    if procedure == 0:
        return header
    if version == 2 and procedure == GETPORT:
        offset = 24
        for _ in range(2):  # credentials and verifier, each a flavour, a length and padded bytes
            offset += 8 + (struct.unpack_from(">I", call, offset + 4)[0] + 3 & ~3)
        return header + struct.pack(">I", ports.get(struct.unpack_from(">I", call, offset)[0], 0))
    return header + struct.pack(">I", 1)  # registered, or withdrawn


def serve(connection):
    try:
        while True:
            length = struct.unpack(">I", exactly(connection, 4))[0] & 0x7FFFFFFF
            reply = answer(exactly(connection, length))
            connection.sendall(struct.pack(">I", len(reply) | 0x80000000) + reply)
    except (EOFError, OSError, struct.error):
        connection.close()


def listen(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


local = socket.socket(socket.AF_UNIX)
local.bind(path)
local.listen(16)
tcp = socket.socket()
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind((address, 111))
tcp.listen(16)
threading.Thread(target=listen, args=(local,), daemon=True).start()
listen(tcp)

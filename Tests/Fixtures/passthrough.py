#!/usr/bin/python3
"""Mounts DIRECTORY at MOUNT_POINT through FUSE until this process ends. Stopped by SIGSTOP it is a file server that does not answer.

usage: passthrough.py DIRECTORY MOUNT_POINT. Needs root and python3-fusepy.
"""
import os
import sys

from fusepy import FUSE, FuseOSError, Operations


class Passthrough(Operations):
    def __init__(self, root):
        self.root = root

    def __call__(self, operation, path, *arguments):
        try:
            return super().__call__(operation, self.root + path, *arguments)
        except OSError as error:
            raise FuseOSError(error.errno) from None

    def getattr(self, path, handle=None):
        status = os.lstat(path)
        return {name: getattr(status, name) for name in (
            "st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_atime", "st_mtime", "st_ctime", "st_ino", "st_blocks")}

    def readdir(self, path, handle):
        return [".", ".."] + os.listdir(path)

    def statfs(self, path):
        status = os.statvfs(path)
        return {name: getattr(status, name) for name in (
            "f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag", "f_frsize", "f_namemax")}

    def create(self, path, mode, info=None):
        return os.open(path, os.O_RDWR | os.O_CREAT, mode)

    def open(self, path, flags):
        return os.open(path, flags)

    def read(self, path, count, offset, handle):
        return os.pread(handle, count, offset)

    def write(self, path, data, offset, handle):
        return os.pwrite(handle, data, offset)

    def truncate(self, path, length, handle=None):
        os.truncate(path, length)

    def fsync(self, path, data_only, handle):
        os.fsync(handle)

    def fsyncdir(self, path, data_only, handle):
        pass

    def release(self, path, handle):
        os.close(handle)

    def mkdir(self, path, mode):
        os.mkdir(path, mode)

    def chmod(self, path, mode):
        os.chmod(path, mode)

    def chown(self, path, user, group):
        os.chown(path, user, group)

    def unlink(self, path):
        os.unlink(path)

    def link(self, new, old):
        os.link(self.root + old, new)

    def rename(self, old, new):
        os.rename(old, self.root + new)


# Calls one at a time suffice: whoever stops this process stops all of them.
FUSE(Passthrough(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True, allow_other=True, attr_timeout=0, entry_timeout=0)

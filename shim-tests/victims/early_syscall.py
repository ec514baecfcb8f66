"""A server that closes as uvloop and libuv do, by syscall(SYS_close), and says
nothing of that to anybody."""

import ctypes
import os
import socket
import sys

SYS_CLOSE = {"x86_64": 3, "aarch64": 57}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)


def read_line(conn):
    line = b""
    while not line.endswith(b"\n"):
        line += conn.recv(1)
    return line


def serve(conn):
    _, response, unread = read_line(conn).split()
    if int(unread):
        conn.recv(int(unread), socket.MSG_PEEK | socket.MSG_WAITALL)
    size = int(response)
    conn.sendall((bytes(range(251)) * (size // 251 + 1))[:size])
    fd = conn.detach()
    if libc.syscall(SYS_CLOSE, fd) != 0:
        raise OSError(ctypes.get_errno())


with socket.create_server(("127.0.0.1", 0)) as server:
    print("port", server.getsockname()[1], flush=True)
    serve(server.accept()[0])
    sys.stdin.read()

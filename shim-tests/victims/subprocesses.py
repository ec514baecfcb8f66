"""Threads serve three connections while others run programs, which Python makes by
vfork where it can."""

import signal
import socket
import subprocess
import sys
import threading

signal.alarm(60)
listener = socket.create_server(("127.0.0.1", 0))
served = threading.Event()


def run_programs():
    while not served.is_set():
        assert subprocess.run(["true"]).returncode == 0
        assert subprocess.run("cat", input=b"text", capture_output=True).stdout == b"text"


def serve(conn):
    _, response, _ = conn.makefile().readline().split()
    conn.sendall(bytes(at % 251 for at in range(int(response))))
    conn.close()


runners = [threading.Thread(target=run_programs) for _ in range(3)]
for runner in runners:
    runner.start()
print("port", listener.getsockname()[1], flush=True)
servers = [threading.Thread(target=serve, args=(listener.accept()[0],)) for _ in range(3)]
for server in servers:
    server.start()
for server in servers:
    server.join()
served.set()
for runner in runners:
    runner.join()
sys.exit(7)

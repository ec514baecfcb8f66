"""A client of a syslog server: syslog_lines.py PORT FILE. A thousand lines and a FIN, then how many the file has."""
import os
import socket
import sys
import time

LINES = 1000
PATIENCE = 20

port, path = sys.argv[1:]
mark = f"mark-{os.getpid()}-{time.monotonic_ns()}-"
with socket.create_connection(("127.0.0.1", int(port))) as connection:
    for number in range(LINES):
        connection.sendall(f"<13>Jan  1 00:00:00 host tag: {mark}{number}\n".encode())

until = time.monotonic() + PATIENCE
arrived = 0
while arrived < LINES and time.monotonic() < until:
    time.sleep(0.05)
    with open(path, encoding="ascii") as file:
        arrived = sum(mark in line for line in file)
print(f"{arrived} lines of {LINES}")

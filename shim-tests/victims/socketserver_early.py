"""Python's own socketserver: it half-closes and closes after each request, and
loses the answer to a request that its handler did not read."""

import socket
import socketserver
import sys
import threading


class EarlyAnswer(socketserver.BaseRequestHandler):
    def handle(self):
        line = b""
        while not line.endswith(b"\n"):
            line += self.request.recv(1)
        _, response, unread = line.split()
        if int(unread):
            self.request.recv(int(unread), socket.MSG_PEEK | socket.MSG_WAITALL)
        pattern = bytes(range(251))
        size = int(response)
        self.request.sendall((pattern * (size // 251 + 1))[:size])


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), EarlyAnswer) as server:
    print("port", server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()

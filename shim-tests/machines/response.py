"""A server that closes with something unread, and its peer: `response.py serve`, `response.py ask PORT`.

Works with every Python 3: it runs in the Python of old systems.
"""

import socket
import sys

SIZE = 3 << 20


def serve():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * SIZE)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    print(listener.getsockname()[1], flush=True)
    connection = listener.accept()[0]
    connection.recv(2)
    connection.sendall(b"x" * SIZE)
    connection.close()
    # Until the peer is done.
    sys.stdin.read()


def ask(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(20)
    # What follows the request stays unread; then the server closes, and more comes in.
    connection.sendall(b"GO" + b"y" * 65536)
    print("all" if received(connection) == SIZE else "lost")


def received(connection):
    count = len(connection.recv(1))
    try:
        connection.sendall(b"y" * 65536)
        while True:
            piece = connection.recv(65536)
            if not piece:
                return count
            count += len(piece)
            connection.send(b"y")
    except OSError:
        return -1


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else ask(int(sys.argv[2]))

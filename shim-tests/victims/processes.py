"""Serves three connections, each in a process of multiprocessing's, which gets it by
inheritance or through SCM_RIGHTS. The argument is the way to start one."""

import multiprocessing
import signal
import socket
import sys


def serve(conn):
    _, response, _ = conn.makefile().readline().split()
    conn.sendall(bytes(at % 251 for at in range(int(response))))
    conn.close()


def main():
    signal.alarm(60)
    listener = socket.create_server(("127.0.0.1", 0))
    print("port", listener.getsockname()[1], flush=True)
    start = multiprocessing.get_context(sys.argv[1])
    for _ in range(3):
        conn, _ = listener.accept()
        process = start.Process(target=serve, args=(conn,))
        process.start()
        conn.close()
        process.join()
        print("process:", process.exitcode)
    sys.exit(7)


if __name__ == "__main__":
    main()

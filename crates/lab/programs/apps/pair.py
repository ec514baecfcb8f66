"""Two of one server on one port: pair.py PRELOADED COMMAND... What stops this stops both."""
import os
import signal
import subprocess
import sys

preloaded, *command = sys.argv[1:]
environment = {**os.environ, "LD_PRELOAD": " ".join([preloaded, os.environ.get("LD_PRELOAD", "")])}
stops = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, stops)
pair = [
    subprocess.Popen(command, env=environment, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, stops))
    for _ in range(2)
]
received = signal.sigwait(stops)
for one in pair:
    one.send_signal(received)
sys.exit(max(one.wait() for one in pair))

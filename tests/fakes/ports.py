"""Ports of this machine that other processes of the tests leave alone."""

import random
import socket


def free_port() -> int:
    """One that nobody listens on, below those that systems give out on their own: such a port, once let go, may be
    another process's before it is used."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

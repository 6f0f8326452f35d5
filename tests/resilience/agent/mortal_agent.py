"""The agent, killed where it would send its N-th message to the kernel: ``python mortal_agent.py N agent ARGUMENTS…``."""

import os
import signal
import socket
import sys

from midonet_kubernetes.minimidonet.main import main


class Mortal(socket.socket):
    """A socket whose process ends with the last message that it may send by netlink."""

    left = int(sys.argv[1])

    def send(self, data, *flags):
        if self.family == socket.AF_NETLINK:
            Mortal.left -= 1
            if Mortal.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().send(data, *flags)


if __name__ == "__main__":
    socket.socket = Mortal
    sys.exit(main(sys.argv[2:]))

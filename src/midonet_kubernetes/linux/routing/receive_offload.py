"""Whether a link merges packets that it receives (generic receive offload, GRO), by ethtool's ioctl (``linux/ethtool.h``).

Routing messages say nothing of it. The kernel tells all watches when it changes, those of the one who asked for it too.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import struct

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.netlink.sockets import NetlinkSocket

_ETHTOOL = 0x8946  # SIOCETHTOOL (netdevice(7)); any socket of the namespace will do
_GET_GRO, _SET_GRO = 0x2B, 0x2C
_REQUEST = struct.Struct("@16sP16x")  # name of the link, where the command is
_Command = ctypes.c_uint32 * 2  # number, value


def merges(netlink: NetlinkSocket, link: str) -> bool:
    """Whether a link does; False also when it is not there, or not one that can.

    Raises:
        KernelError: the kernel does not say.
    """
    try:
        return bool(_ask(netlink, link, _GET_GRO, 0))
    except OSError as refused:
        if refused.errno in {errno.ENODEV, errno.EOPNOTSUPP}:
            return False
        raise KernelError(f"ask whether the link {link} merges packets", refused.errno or errno.EIO) from None


def set_merging(netlink: NetlinkSocket, link: str, *, merges: bool) -> None:
    """Let a link do it or not.

    Raises:
        KernelError: ENODEV, it is not there.
    """
    try:
        _ask(netlink, link, _SET_GRO, int(merges))
    except OSError as refused:
        what = "packets" if merges else "no packets"
        raise KernelError(f"let the link {link} merge {what}", refused.errno or errno.EIO) from None


def _ask(netlink: NetlinkSocket, link: str, command: int, value: int) -> int:
    words = _Command(command, value)
    fcntl.ioctl(netlink.fileno(), _ETHTOOL, _REQUEST.pack(link.encode(), ctypes.addressof(words)))
    return int(words[1])

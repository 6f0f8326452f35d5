"""Netlink: attributes, and sockets for requests and notifications (RFC 3549; the kernel's documentation "Netlink")."""

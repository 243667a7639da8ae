# SPDX-License-Identifier: GPL-2.0-or-later
"""Tries every request of the netlink family "mattx", each without attributes, and to listen to its events.

Prints a line for each: its name and how the kernel answers, "ok" or the name of the errno.
"""
import errno
import os
import socket
import struct

NETLINK_GENERIC = 16
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP = 1
NLM_F_REQUEST_ACK = 0x05
NLMSG_ERROR = 2
GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_MCAST_GROUPS = 1, 2, 7
GROUP_ID = 2
# enum mattx_cmd
REQUESTS = ["LOCAL_SET", "LINK_ADD", "LINK_DEL", "LOAD_SET", "GUEST_REFUSE"]


def attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def ask(link, family, command, payload=b""):
    """The errno of the answer and what came with it."""
    message = struct.pack("BBH", command, 1, 0) + payload
    link.send(struct.pack("IHHII", 16 + len(message), family, NLM_F_REQUEST_ACK, 1, 0) + message)
    content = b""
    while True:
        data = link.recv(65536)
        while data:
            length, kind = struct.unpack_from("IH", data)
            if kind == NLMSG_ERROR:
                return -struct.unpack_from("i", data, 16)[0], content
            content = data[20:length]
            data = data[(length + 3) & ~3 :]


def tell(name, error):
    print(name, errno.errorcode[error] if error else "ok")


link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
link.settimeout(20)
link.bind((0, 0))
name = b"mattx\0"
padded = struct.pack("HH", 4 + len(name), CTRL_ATTR_FAMILY_NAME) + name + b"\0" * (-len(name) % 4)
error, content = ask(link, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, padded)
tell("FAMILY", error)
if not error:
    family = attributes(content)
    number = struct.unpack("H", family[CTRL_ATTR_FAMILY_ID][:2])[0]
    for command, request in enumerate(REQUESTS, 1):
        tell(request, ask(link, number, command)[0])
    group = next(iter(attributes(family[CTRL_ATTR_MCAST_GROUPS]).values()))
    try:
        which = struct.unpack("I", attributes(group)[GROUP_ID])[0]
        link.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, which)
        tell("EVENTS", 0)
    except OSError as failure:
        tell("EVENTS", failure.errno)
for name in ["admin", "why"]:
    try:
        os.close(os.open("/proc/mattx/" + name, os.O_WRONLY))
        tell(name, 0)
    except OSError as failure:
        tell(name, failure.errno)

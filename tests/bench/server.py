# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
"""A server whose cost does not grow with its sessions: smtp-sink walks through a
list of all of them."""

import contextlib
import select
import socket
import sys


def serve(port):
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    ready = select.epoll()
    ready.register(listener, select.EPOLLIN)
    peers, read, in_data = {}, {}, set()
    while True:
        for fd, _ in ready.poll():
            if fd == listener.fileno():
                peer = listener.accept()[0]
                peers[peer.fileno()], read[peer.fileno()] = peer, b""
                ready.register(peer, select.EPOLLIN)
                peer.sendall(b"220 bench\r\n")
                continue
            peer, more = peers[fd], b""
            with contextlib.suppress(OSError):
                more = peer.recv(65536)
            if not more:
                ready.unregister(fd)
                in_data.discard(fd)
                peers.pop(fd).close()
                continue
            read[fd] += more
            while (b"\r\n.\r\n" if fd in in_data else b"\n") in read[fd]:
                if fd in in_data:
                    read[fd] = read[fd].split(b"\r\n.\r\n", 1)[1]
                    in_data.remove(fd)
                    reply = b"250 ok\r\n"
                else:
                    line, read[fd] = read[fd].split(b"\n", 1)
                    verb = line[:4].upper()
                    if verb == b"DATA":
                        in_data.add(fd)
                    reply = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n")
                with contextlib.suppress(OSError):
                    peer.sendall(reply)


if __name__ == "__main__":
    serve(int(sys.argv[1]))

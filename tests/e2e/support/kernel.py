"""What the kernel knows of a TCP connection on loopback."""


def _endpoint(text):
    return int(text.split(":")[1], 16)


def unread(local_port, remote_port):
    """Bytes that have arrived at `local_port` from `remote_port` and were not read by whoever owns
    that socket; None: there is no such connection. IPv4 only."""
    with open("/proc/net/tcp") as file:
        next(file)
        for line in file:
            fields = line.split()
            if _endpoint(fields[1]) == local_port and _endpoint(fields[2]) == remote_port:
                return int(fields[4].split(":")[1], 16)
    return None


def has_read_all(local_port, remote_port):
    return not unread(local_port, remote_port)

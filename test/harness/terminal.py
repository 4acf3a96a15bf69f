"""Runs a program in a pseudo terminal: commands come as JSON lines, the terminal's output goes to standard output as it is.

{"send": "base64"} types, {"resize": [columns, rows]} resizes, {"end": true} hangs up. The program's end is told on
standard error as {"status": n} or {"signal": n}.
"""
import base64
import errno
import fcntl
import json
import os
import selectors
import signal
import struct
import sys
import termios

columns, rows = int(sys.argv[1]), int(sys.argv[2])
argv = sys.argv[3:]


def resize(fd, new_columns, new_rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", new_rows, new_columns, 0, 0))


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


master, slave = os.openpty()
resize(master, columns, rows)
pid = os.fork()
if pid == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    if slave > 2:
        os.close(slave)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error}\n".encode())
        os._exit(127)

os.close(slave)
watch = selectors.DefaultSelector()
watch.register(master, selectors.EVENT_READ)
watch.register(0, selectors.EVENT_READ)
pending = b""
open_terminal = True
while open_terminal:
    for key, _ in watch.select():
        if key.fd == master:
            try:
                data = os.read(master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                data = b""
            if not data:
                open_terminal = False
                break
            write_all(1, data)
        else:
            data = os.read(0, 65536)
            if not data:
                # The test is gone: so is its terminal.
                watch.unregister(0)
                os.kill(pid, signal.SIGHUP)
                continue
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                command = json.loads(line)
                if "send" in command:
                    write_all(master, base64.b64decode(command["send"]))
                if "resize" in command:
                    resize(master, *command["resize"])
                if "end" in command:
                    os.kill(pid, signal.SIGHUP)

_, status = os.waitpid(pid, 0)
if os.WIFSIGNALED(status):
    print(json.dumps({"signal": os.WTERMSIG(status)}), file=sys.stderr)
else:
    print(json.dumps({"status": os.WEXITSTATUS(status)}), file=sys.stderr)

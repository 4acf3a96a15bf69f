"""Starts a server as systemd does: supervisor.py COMMAND... -p PORT ...

Opens the port itself and hands it over as descriptor 3 (LISTEN_FDS); prints what the server tells NOTIFY_SOCKET. The command runs
in this very process; a child listens until it is gone.
"""
import os
import socket
import sys
import tempfile

command = sys.argv[1:]
port = int(command[command.index("-p") + 1])
folder = tempfile.mkdtemp(prefix="nacre-notify-")
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = os.environ.get("TEST_NOTIFY", os.path.join(folder, "notify"))
ear.bind("\0" + name[1:] if name.startswith("@") else name)

server = os.getpid()
if os.fork() == 0:
    ear.settimeout(0.2)
    while os.getppid() == server:
        try:
            said = ear.recv(4096).decode()
        except TimeoutError:
            continue
        print("NOTIFIED " + " ".join(said.split("\n")), file=sys.stderr, flush=True)
    if not name.startswith("@"):
        os.unlink(name)
    os.rmdir(folder)
    os._exit(0)
ear.close()

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
if os.environ.get("TEST_NO_LISTEN") is None:
    listener.listen(16)
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
environment = dict(os.environ, LISTEN_FDS="1", LISTEN_PID=str(server), LISTEN_FDNAMES="ssh", NOTIFY_SOCKET=name)
os.execvpe(command[0], command, environment)

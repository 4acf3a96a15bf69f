"""An AsyncSSH server for the tests; its settings come as a JSON file, its port goes to standard output."""
import asyncio
import json
import logging
import os
import subprocess
import sys

import asyncssh

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return bool(given["passwords"])

    def validate_password(self, username, password):
        expected = given["passwords"].get(username)
        return expected is not None and expected == password

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True

    def server_requested(self, listen_host, listen_port):
        return True

    def unix_connection_requested(self, dest_path):
        return True

    def unix_server_requested(self, listen_path):
        return True


async def handle(process):
    """Runs the command by sh, or a shell where none was asked for."""
    command = process.command
    argv = ["/bin/sh"] if command is None else ["/bin/sh", "-c", command]
    env = {**os.environ, **dict(process.env)}
    child = await asyncio.create_subprocess_exec(
        *argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    status = await child.wait()
    await process.stdout.drain()
    if status < 0:
        process.exit_with_signal({1: "HUP", 2: "INT", 9: "KILL", 15: "TERM"}.get(-status, "TERM"))
    else:
        process.exit(status)


async def main():
    logging.basicConfig(level=logging.INFO)
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=given["hostKeys"],
        authorized_client_keys=given["authorizedKeys"],
        process_factory=handle,
        encoding=None,
        sftp_factory=True,
        allow_scp=True,
        agent_forwarding=True,
        **given["settings"],
    )
    print(f"listening on {listener.sockets[0].getsockname()[1]}", flush=True)
    await listener.wait_closed()


asyncio.run(main())

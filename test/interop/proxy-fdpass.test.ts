/** ProxyUseFdpass: a program connects and passes its socket back, to OpenSSH's ssh and to ours. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, missing, nacreProgram, runSsh, startOpenSshServer, type TestServer } from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd', 'ssh', 'python3') || (process.platform === 'win32' && 'needs Unix sockets');
const clients = [
  ['ours', nacreProgram('ssh'), skip],
  ['OpenSSH 9.2’s', undefined, skip],
] as const;
let server: Promise<TestServer> | undefined;

/** Connects to its first arguments, and does with the socket what the third says. */
const dialer = `
import array, os, socket, sys, time
host, port, how = sys.argv[1:]
out = socket.socket(fileno=os.dup(1))
def give(*fds):
    out.sendmsg([b"\\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
if how == "late": time.sleep(0.3)
if how == "none": give()
if how == "end": sys.exit(0)
found = socket.create_connection((host, int(port)))
if how == "two": give(found.fileno(), found.fileno())
if how == "file": give(os.open("/etc/passwd", os.O_RDONLY))
if how in ("one", "late"): give(found.fileno())
`;

function startServer(): Promise<TestServer> {
  server ??= startOpenSshServer({ config: ['SetEnv SHLVL=5'] });
  return server;
}

function dial(how: string): string[] {
  const script = join(makeFolder('dialer'), 'dial.py');
  writeFileSync(script, dialer);
  return [`ProxyCommand=python3 ${script} %h %p ${how}`, 'ProxyUseFdpass=yes'];
}

for (const [whose, program, skipped] of clients) {
  const which = program === undefined ? {} : { program };

  test(`${whose} ssh speaks over the socket that a program passes`, { skip: skipped }, async () => {
    const payload = randomBytes(5_000_000);
    for (const how of ['one', 'late']) {
      const result = await runSsh(await startServer(), ['cat; exit 3'], {
        ...{ ...which, options: dial(how), flags: ['-v'], input: payload },
      });
      assert.ok(result.stdout.equals(payload), result.stderr);
      assert.equal(result.status, 3);
      assert.match(result.stderr, /^debug1: Executing proxy dialer command: exec python3 /m);
      assert.match(result.stderr, /^Authenticated to 127\.0\.0\.1 \(\[127\.0\.0\.1\]:\d+\) using "publickey"\.\r$/m);
    }
  });

  test(`${whose} ssh: a program that passes none`, { skip: skipped }, async () => {
    // OpenSSH takes the first of two, and speaks with a file.
    const failing = program === undefined ? ['none', 'end'] : ['none', 'end', 'two', 'file'];
    for (const how of failing) {
      const result = await runSsh(await startServer(), ['true'], { ...which, options: dial(how) });
      assert.equal(result.status, 255, how);
      assert.match(result.stderr, /^proxy dialer did not pass back a connection\r$/m, how);
    }
    const broken = ['ProxyCommand=/nonexistent/dialer', 'ProxyUseFdpass=yes'];
    const result = await runSsh(await startServer(), ['true'], { ...which, options: broken });
    assert.equal(result.status, 255);
    assert.match(
      result.stderr,
      /\/nonexistent\/dialer[^\n]*\n(?:[^\n]*\n)?proxy dialer did not pass back a connection\r\n$/,
    );
  });
}

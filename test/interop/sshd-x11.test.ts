/** Displays lent to bin/sshd, beside Debian's: DISPLAY and the cookie, connections both ways, and what forbids them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { currentUser, makeFolder, makeKey, missing, requireSuccess } from '../harness/index.ts';
import { asRoot, withSsh } from './_sshd.ts';
import { accounts, onBoth, otherAccount, output } from './_sshd-both.ts';

const withXauth = { skip: withSsh.skip || missing('xauth') };
const ofOther = { skip: withXauth.skip || asRoot.skip };
const magic = 'MIT-MAGIC-COOKIE-1';
const realCookie = '00112233445566778899aabbccddeeff';
const authority = join(makeFolder('x11'), 'authority');

/** A screen: takes the first packet of a client, and answers with the cookie that came. */
const screen = createServer((socket: Socket) => {
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    const cookie = bytes.subarray(-16).toString('hex');
    socket.end(`cookie ${cookie}\n`);
  });
});
let display = '';

before(async () => {
  const number = await listenAsScreen();
  display = `127.0.0.1:${number}`;
  if (withXauth.skip === false) {
    await requireSuccess(['xauth', '-q', '-f', authority, 'add', display, magic, realCookie]);
  }
});
after(() => screen.close());

async function listenAsScreen(): Promise<number> {
  for (let number = 700; ; number++) {
    screen.listen(6000 + number, '127.0.0.1');
    const [error] = await Promise.race([once(screen, 'listening'), once(screen, 'error')]).catch((cause) => [cause]);
    if (error === undefined) return number;
  }
}

const lending = () => ({ flags: ['-Y'], env: { DISPLAY: display, XAUTHORITY: authority } });

/** Says to the display what an X11 program says first, with the cookie that xauth has for it, so many times. */
const program = (times: number) => `
number=\${DISPLAY#*:}; number=\${number%.*}
cookie=$(xauth list 2>/dev/null | grep ":$number " | sed 's/.* //')
for i in $(seq ${times}); do
  if exec 5<>/dev/tcp/127.0.0.1/$((6000 + number)); then
    { printf 'l\\0\\013\\0\\0\\0\\022\\0\\020\\0\\0\\0MIT-MAGIC-COOKIE-1\\0\\0'; printf "$(echo $cookie | sed 's/../\\\\x&/g')"; } >&5
    timeout 5 cat <&5 || echo cut
    exec 5>&-
  fi
done 2>/dev/null
xauth list 2>/dev/null | grep ":$number " | sed 's/[0-9]* .*  / /; s/[0-9a-f]\\{32\\}/32/; s,.*/unix,unix,'
echo "\${DISPLAY%:*}"`;
const inBash = (script: string) => `bash -c '${script.replaceAll("'", "'\\''")}'`;

async function forgetCookies(user: string): Promise<void> {
  const home = user === currentUser() ? homedir() : (await otherAccount()).home;
  rmSync(join(home, '.Xauthority'), { force: true });
}

test('a program in the session reaches the screen with the cookie it was given', withXauth, async (t) => {
  for (const user of await accounts()) {
    await t.test(user, async () => {
      const seen = await onBoth({ user, config: ['X11Forwarding yes'] }, async (server) => {
        const text = await output(server, inBash(program(2)), lending());
        await forgetCookies(user);
        return text;
      });
      assert.deepEqual(seen.trim().split('\n'), [
        `cookie ${realCookie}`,
        `cookie ${realCookie}`,
        'unix: 32',
        'localhost',
      ]);
    });
  }
});

test('X11DisplayOffset and X11UseLocalhost', withXauth, async (t) => {
  const told = `echo "$DISPLAY"; n=\${DISPLAY#*:}; ss -ltnH "sport = $((6000 + \${n%.*}))" | tr -s " " | cut -d" " -f4 | sort`;
  for (const lines of [['X11DisplayOffset 431'], ['X11DisplayOffset 432', 'X11UseLocalhost no']]) {
    await t.test(lines.join(), async () => {
      const seen = await onBoth({ config: ['X11Forwarding yes', ...lines] }, (server) =>
        output(server, inBash(told), lending()),
      );
      const name = lines.length === 1 ? 'localhost:431.0' : `${hostname()}:432.0`;
      assert.equal(seen.split('\n')[0], name);
    });
  }
});

test('what forbids it', withXauth, async (t) => {
  const identity = await makeKey();
  for (const [config, options, isThere] of [
    ['X11Forwarding yes', '', true],
    ['X11Forwarding no', '', false],
    ['XAuthLocation /no/such/xauth', '', false],
    ['XAuthLocation none', '', false],
    ['DisableForwarding yes', '', false],
    ['AllowTcpForwarding no', '', true],
    ['X11Forwarding yes', 'no-X11-forwarding ', false],
    ['X11Forwarding yes', 'restrict ', false],
    ['X11Forwarding yes', 'restrict,X11-forwarding ', true],
  ] as const) {
    await t.test(`${config} ${options}`, async () => {
      const authorizedKeys = [`${options}${identity.publicLine}`];
      const lines = [config, 'X11Forwarding yes'];
      const seen = await onBoth({ identity: false, authorizedKeys, config: lines }, (server) =>
        output({ ...server, identity }, 'test -n "$DISPLAY" && echo there || echo no', lending()),
      );
      assert.equal(seen, isThere ? 'there\n' : 'no\n');
    });
  }
});

test('the cookie stands on no command line', withXauth, async () => {
  const folder = makeFolder('xauth');
  const [log, program] = [join(folder, 'log'), join(folder, 'xauth')];
  writeFileSync(program, `#!/bin/sh\n{ echo "argv $*"; cat; id -un; } >> ${log}\n`, { mode: 0o755 });
  await onBoth({ config: ['X11Forwarding yes', `XAuthLocation ${program}`] }, async (server) => {
    await output(server, 'true', lending());
    assert.ok(existsSync(log));
    const text = readFileSync(log, 'utf8')
      .replace(/:\d+\.0/g, ':N')
      .replace(/[0-9a-f]{32}/g, 'COOKIE');
    rmSync(log);
    return text;
  }).then((text) => assert.match(text, new RegExp(`^argv -q -\nremove unix:N\nadd unix:N ${magic} COOKIE\n`)));
});

test('where an rc file runs, the cookie is its to give, and xauth is not run', ofOther, async () => {
  // An account of the test's: in the home of whoever runs it, the file would speak in every other test's sessions.
  const user = await otherAccount();
  const folder = makeFolder('xauth');
  chmodSync(folder, 0o777);
  const [log, program] = [join(folder, 'log'), join(folder, 'xauth')];
  writeFileSync(program, `#!/bin/sh\ncat > ${log}\n`, { mode: 0o755 });
  const rc = join(user.home, '.ssh', 'rc');
  const config = ['X11Forwarding yes', `XAuthLocation ${program}`];
  try {
    for (const [lines, isRun] of [
      [[], false],
      [['PermitUserRC no'], true],
    ] as const) {
      writeFileSync(rc, 'read proto cookie; echo "$proto" "$(printf %s "$cookie" | wc -c)"\n');
      await onBoth({ user: user.name, config: [...config, ...lines] }, async (server) => {
        const printed = await output(server, 'true', lending());
        assert.equal(printed, isRun ? '' : `${magic} 32\n`);
        assert.equal(existsSync(log), isRun);
        rmSync(log, { force: true });
      });
    }
  } finally {
    rmSync(rc, { force: true });
  }
});

/** scp's words, exit status and files beside OpenSSH's 9.2 and 10.0, with an sftp server on this machine (-D) and with none. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { missing, openSshProgram } from '../harness/index.ts';
import { runBoth, type ScpRow } from './_scp.ts';

const skip = missing('scp', 'openssh-10');
const versions = ['9.2', '10.0'] as const;

async function same(version: (typeof versions)[number], row: ScpRow): Promise<void> {
  const { theirs, ours } = await runBoth(version, row);
  assert.deepEqual(ours, theirs, `${version}: scp ${row.args.join(' ')}`);
}

async function sameAll(rows: readonly (readonly string[])[], each: Omit<ScpRow, 'args'> = {}): Promise<void> {
  for (const args of rows) for (const version of versions) await same(version, { ...each, args });
}

/** Rows whose files come from a server that scp starts by itself. */
const served = (rows: readonly (readonly string[])[]) =>
  rows.map((args) => ['-D', openSshProgram('sftp-server'), ...args]);

test('what is wrong with the command line', { skip }, () =>
  sameAll([
    [],
    ['one'],
    ['-Z', 'a', 'b'],
    ['-P'],
    ['-l', 'x', 'a', 'b'],
    ['-l', '0', 'a', 'b'],
    ['-X', 'foo', 'a', 'b'],
    ['-X', 'buffer=0', 'a', 'b'],
    ['-X', 'buffer=1M', 'a', 'b'],
    ['-X', 'nrequests=0', 'a', 'b'],
    ['-X', 'nrequests=x', 'a', 'b'],
    ['-X', 'nrequests=999999999', 'a', 'b'],
    ['-P', '0', 'a', 'b'],
    ['-P', '99999', 'a', 'b'],
    ['-1', 'a', 'b'],
    ['scp://h:x/one', '.'],
    ['L', 'scp://h:x/one'],
    ['scp://@h/one', '.'],
    ['scp://h/%zz', '.'],
    ["o'connor@h:x", '.'],
    ['L', 'M', 'nodir'],
    ['h:x', 'h:y', 'nodir'],
    ['h:x', 'h:y', 'L'],
  ]),
);

test('copies within this machine are those of cp', { skip }, () =>
  sameAll([
    ['L', 'N'],
    ['L', 'M', 't'],
    ['-r', 't', 'new'],
    ['-rp', 't', 'new'],
    ['t', 'new'],
    ['nosuch', 'N'],
    ['--', 'L', './x:y'],
    ['L', ':x'],
    [':L', 'x'],
  ]),
);

test('downloads: files, patterns, names', { skip }, () =>
  sameAll(
    served([
      ['h:{r}/one', '.'],
      ['h:{r}/one', 'new'],
      ['h:{r}/one', 'L'],
      ['h:{r}/one', 'h:{r}/two', 't'],
      ['-p', 'h:{r}/one', 'new'],
      ['h:{r}/a b', '.'],
      ['h:{r}/a\\ b', '.'],
      ['h:{r}/*star', 'x'],
      ['h:{r}/[ot]*', 'newdir'],
      ['h:{r}/*o*', 't'],
      ['h:{r}/o?e', '.'],
      ['h:{r}/x[[]1].txt', '.'],
      ['scp://u@h:77/{r}/two', '.'],
      ['-X', 'buffer=4k', '-X', 'nrequests=2', 'h:{r}/two', '.'],
    ]),
  ),
);

test('downloads that fail', { skip }, () =>
  sameAll(
    served([
      ['h:{r}/nosuch', '.'],
      ['h:{r}/nosuch/', '.'],
      ['h:{r}/no*', '.'],
      ['h:{r}/[x', 'x'],
      ['h:{r}/d', '.'],
      ['h:{r}/*', 't'],
      ['h:{r}/one', 'nodir/x'],
      ['h:{r}/one', 'L/'],
      ['h:{r}/one', 'L/x'],
      ['h:{r}/*o*', 'L'],
      ['h:{r}/nosuch', 'h:{r}/two', 'h:{r}/nono', 't'],
      ['h:~nosuchuser/x', '.'],
      ['h:/dev/null', 'x'],
      ['-r', 'h:{r}/nosuch', '.'],
      ['-r', 'h:{r}/d', 'nodir/x'],
    ]),
  ),
);

test('trees', { skip }, () =>
  sameAll(
    served([
      ['-r', 'h:{r}/d', 'new'],
      ['-r', 'h:{r}/d', 't'],
      ['-r', 'h:{r}/d/', 'new'],
      ['-r', 'h:{r}/d/.', 't'],
      ['-r', 'h:{r}/d*', '.'],
      ['-r', 'h:{r}/d/*', 't'],
      ['-r', 't', 'h:{r}/new'],
      ['-r', 't', 'h:{r}'],
      ['-r', 't/', 'h:{r}/new'],
      ['-r', 'L', 't', 'M', 'h:{r}/ex'],
      ['-r', 't', 'h:{r}/one'],
      ['-r', 't', 'h:{r}/no/such'],
      ['-r', '.', 'h:{r}/ex'],
    ]),
  ),
);

test('trees with times and modes', { skip }, async () => {
  for (const version of versions) {
    for (const args of served([
      ['-rp', 'h:{r}/d', 'new'],
      ['-rp', 't', 'h:{l}/new'],
    ])) {
      const { theirs, ours } = await runBoth(version, { args, times: true });
      assert.deepEqual([ours.status, ours.stderr], [theirs.status, theirs.stderr]);
      // 9.2 gives the topmost folder the time of a file in it.
      assert.match(ours.tree['l/new'] ?? '', / 1200000000$/);
      const below = ({ tree }: typeof ours) => Object.entries(tree).filter(([name]) => name.startsWith('l/new/'));
      assert.deepEqual(below(ours), below(theirs));
      assert.ok(below(ours).length >= 4);
    }
  }
});

test('links and pipes in trees, as OpenSSH 10 has them', { skip }, async () => {
  const prepare = (folder: string) => {
    for (const [link, to] of [
      ['r/d/lsub', 'sub'],
      ['r/d/dangling', 'nowhere'],
      ['l/t/lu', 'u'],
      ['l/t/dangling', 'nowhere'],
    ] as const) {
      symlinkSync(to, join(folder, link));
    }
    execFileSync('mkfifo', [join(folder, 'r/d/fifo'), join(folder, 'l/t/fifo')]);
  };
  for (const args of served([
    ['-r', 'h:{r}/d', 'new'],
    ['-r', 't', 'h:{r}/new'],
    ['-r', 'h:{r}/d', 'h:{r}/new'],
    ['h:{r}/d/dangling', '.'],
    ['h:{r}/d/fifo', 'x'],
    ['t/dangling', 'h:{r}'],
  ])) {
    await same('10.0', { args, prepare });
  }
});

test('uploads', { skip }, () =>
  sameAll(
    served([
      ['L', 'h:{r}'],
      ['L', 'h:{r}/'],
      ['L', 'h:{r}/new'],
      ['L', 'h:{r}/one'],
      ['-p', 'L', 'M', 'h:{r}/ex'],
      ['L', 'M', 'h:{r}/newdir'],
      ['M', 'L', 'h:{r}/newdir'],
      ['L', 'scp://h/{r}/ex'],
      ['L', 'h:{r}/a b'],
    ]),
  ),
);

test('uploads that fail', { skip }, () =>
  sameAll(
    served([
      ['nosuch', 'h:{r}'],
      ['nosuch', 'L', 'h:{r}/ex'],
      ['L', 'nosuch', 'M', 'h:{r}/ex'],
      ['L', 'h:{r}/nodir/new'],
      ['L', 'h:{r}/nodir/'],
      ['L', 'h:{r}/one/x'],
      ['L', 'h:{r}/one/'],
      ['L', 'M', 'h:{r}/one'],
      ['L', 'M', 'h:{r}/no/such'],
      ['t', 'h:{r}'],
      ['t', 'L', 'h:{r}/ex'],
      ['L', 'h:~nosuchuser/x'],
    ]),
  ),
);

test('between two hosts', { skip }, () =>
  sameAll(
    served([
      ['h:{r}/one', 'g:{r}/new'],
      ['h:{r}/one', 'g:{r}/ex'],
      ['-p', 'h:{r}/one', 'h:{r}/two', 'g:{r}/ex'],
      ['-3', 'h:{r}/*o*', 'g:{r}/ex'],
      ['-r', 'h:{r}/d/sub', 'g:{r}/ex'],
      ['h:{r}/nosuch', 'g:{r}/new'],
      ['h:{r}/no*', 'g:{r}/new'],
      ['h:{r}/d', 'g:{r}/new'],
      ['h:{r}/one', 'h:{r}/two', 'g:{r}/nodir'],
      ['h:{r}/one', 'g:{r}/nodir/x'],
      ['-r', 'h:{r}/d', 'g:{r}/one'],
      ['h:~nosuchuser/x', 'g:{r}/ex'],
      ['h:{r}/one', 'g:~nosuchuser/x'],
    ]),
  ),
);

test('modes under a umask', { skip }, () =>
  sameAll(
    served([
      ['-r', 'h:{r}/d', 'new'],
      ['-r', 't', 'h:{r}/new'],
      ['h:{r}/two', 'new'],
      ['-p', 'h:{r}/two', 'new'],
      ['M', 'h:{r}/new'],
    ]),
    { umask: '077' },
  ),
);

test('a full disk', { skip }, async () => {
  for (const version of versions) {
    for (const args of served([
      ['h:{r}/one', '/dev/full'],
      ['L', 'h:/dev/full'],
    ])) {
      const { theirs, ours } = await runBoth(version, { args });
      assert.equal(ours.status, theirs.status);
      // Theirs has a line more, of the length that a device has not.
      const lines = theirs.stderr.filter((line) => !/ftruncate|fsetstat/.test(line));
      assert.deepEqual(
        ours.stderr.filter((line) => !/fsetstat/.test(line)),
        lines,
      );
    }
  }
});

test('permission denied', { skip: skip || missing('root') }, async () => {
  // As another user, who can see nothing of root's.
  const nobody = (args: readonly string[]) => ['--reuid=65534', '--regid=65534', '--clear-groups', ...args];
  const { runProgram, makeFolder, nacreProgram } = await import('../harness/index.ts');
  const { makeTrees } = await import('./_scp.ts');
  const outcome = async (program: string, args: readonly string[]) => {
    const folder = makeFolder('scp-denied');
    makeTrees(folder);
    execFileSync('chmod', ['0711', folder]);
    execFileSync('chmod', ['0600', join(folder, 'r/one')]);
    execFileSync('chmod', ['0700', join(folder, 'r/d/sub')]);
    execFileSync('chown', ['-R', '65534', join(folder, 'l')]);
    execFileSync('chmod', ['0000', join(folder, 'l/M'), join(folder, 'l/t/u')]);
    const place = (text: string) => text.replaceAll('{r}', join(folder, 'r'));
    const argv = ['setpriv', ...nobody([program, ...args.map(place)])];
    const { status, stderr } = await runProgram(argv, { cwd: join(folder, 'l'), env: { HOME: '/' } });
    const text = stderr.replaceAll('\r\n', '\n').replaceAll(`${program}: `, 'scp: ').replaceAll(folder, '');
    return { status, lines: text.split('\n').sort() };
  };
  for (const args of served([
    ['h:{r}/one', '.'],
    ['h:{r}/d/sub/y', '.'],
    ['h:{r}/d/sub/*', '.'],
    ['-r', 'h:{r}/d', 'new'],
    ['-r', 'h:{r}/d/sub', 'new'],
    ['h:{r}/two', '{r}/ex'],
    ['-r', 'h:{r}/d', '{r}/ex'],
    ['M', 'h:.'],
    ['L', 'h:{r}/ex'],
    ['L', 'h:{r}/two'],
    ['L', 'L', 'h:{r}/new'],
    ['-r', 't', 'h:new'],
    ['-r', 't', 'h:{r}/ex'],
    ['h:{r}/one', 'h:new'],
    ['-r', 'h:{r}/d', 'h:new'],
  ])) {
    for (const version of versions) {
      const theirs = await outcome(openSshProgram('scp', version), args);
      assert.deepEqual(await outcome(nacreProgram('scp'), args), theirs, `${version}: scp ${args.join(' ')}`);
    }
  }
});

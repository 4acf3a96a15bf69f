/** bin/sshd as editors and people who stay use it: a server left behind and reached by every kind of channel, mosh, tmux, su. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import {
  findProgram,
  freePort,
  makeFolder,
  missing,
  openSshProgram,
  startProgram,
  startTerminal,
  waitForPort,
} from '../harness/index.ts';
import { otherAccount } from './_sshd-both.ts';
import { skip, startWorld, type World } from './_sshd-programs.ts';

let world: World;
before(async () => {
  if (!skip) world = await startWorld(['SetEnv LC_ALL=C.UTF-8', 'MaxStartups 100']);
});

function forEach(name: string, needs: string | false, work: (host: string, t: TestContext) => Promise<void>): void {
  test(name, { skip: skip || needs }, async (t) => {
    for (const host of world.hosts) await t.test(host, (inner) => work(host, inner));
  });
}

/** What an editor leaves at the server: it listens on a port and on a socket, and answers each line. */
const leftBehind = `
const answer = (socket) => socket.on('error', () => {}).on('data', (text) => socket.write('<' + text + '>'));
const net = require('node:net');
net.createServer(answer).listen(process.argv[2]);
const tcp = net.createServer(answer).listen(0, '127.0.0.1', () => {
  console.log('pid=' + process.pid + '\\nport=' + tcp.address().port);
});
`;

forEach('an editor: a script by standard input leaves a server, which many channels reach', false, async (host, t) => {
  const place = await world.place(host);
  const socket = join(place, 'editor.sock');
  const script = [
    `cat > '${place}/server.js' <<'END'`,
    leftBehind,
    'END',
    `nohup setsid '${process.execPath}' '${place}/server.js' '${socket}' > '${place}/out' 2>&1 < /dev/null &`,
    `for i in $(seq 200); do grep -q port= '${place}/out' && break; sleep 0.05; done`,
    `cat '${place}/out'; uname -s; id -un`,
    '',
  ].join('\n');
  const started = await world.ssh(['-T', host, 'bash -s'], { input: script });
  const [pid, port] = ['pid', 'port'].map((name) =>
    Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(started.stdout.toString())?.[1]),
  ) as [number, number];
  assert.ok(pid > 1 && port > 0, `${started.stdout}${started.stderr}`);
  t.after(() => process.kill(pid));

  const [socks, local] = [await freePort(), join(makeFolder('editor'), 'local.sock')];
  const control = join(makeFolder('editor'), 'control');
  const argv = [
    '-F',
    world.configFile,
    '-M',
    '-S',
    control,
    '-N',
    '-D',
    `127.0.0.1:${socks}`,
    '-L',
    `${local}:${socket}`,
  ];
  const master = startProgram([openSshProgram('ssh'), ...argv, host], { env: world.env });
  await waitForPort(socks);
  const ask = async (stream: Socket, word: string): Promise<void> => {
    stream.write(word);
    assert.equal(String((await once(stream, 'data'))[0]), `<${word}>`);
  };
  // All open at once, through the proxy; then each is used twice, with the others standing.
  const streams = await Promise.all(Array.from({ length: 30 }, () => throughSocks(socks, port)));
  for (let round = 0; round < 2; round++) await Promise.all(streams.map((stream, i) => ask(stream, `${round}:${i}`)));
  const unix = connect(local);
  await ask(unix, 'by the socket');
  // Short commands beside one that lasts, all in the same connection.
  const long = world.ssh(['-o', `ControlPath=${control}`, host, 'cat; echo over'], { input: 'kept' });
  const short = Array.from({ length: 12 }, (_, i) =>
    world.ssh(['-o', `ControlPath=${control}`, host, `echo ${i}; exit ${i}`]),
  );
  const results = await Promise.all(short);
  assert.deepEqual(
    results.map(({ status, stdout }) => [status, stdout.toString()]),
    results.map((_, i) => [i, `${i}\n`]),
  );
  assert.equal((await long).stdout.toString(), 'keptover\n');
  await Promise.all(streams.map((stream, i) => ask(stream, `at last ${i}`)));
  for (const stream of [...streams, unix]) stream.destroy();
  await master.stop();
  // The editor comes back: what it left is there still.
  const again = await world.ssh(['-W', `127.0.0.1:${port}`, host], { input: 'again' });
  assert.equal(again.stdout.toString(), '<again>', again.stderr);
});

async function throughSocks(proxy: number, target: number): Promise<Socket> {
  const socket = connect({ port: proxy, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(Buffer.from([5, 1, 0]));
  assert.deepEqual([...((await once(socket, 'data'))[0] as Buffer)], [5, 0]);
  socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, target >> 8, target & 255]));
  assert.equal(((await once(socket, 'data'))[0] as Buffer)[1], 0);
  return socket;
}

const sshArgv = (host: string, ...words: readonly string[]) => [
  openSshProgram('ssh'),
  ...['-F', world.configFile, '-tt', host, ...words],
];

forEach('tmux: detached in one login, found again in the next', missing('tmux', 'python3'), async (host, t) => {
  const name = `nacre-sshd-${process.pid}`;
  const tmux = `tmux -L ${name} -f /dev/null`;
  t.after(() => world.ssh(['-T', host, `${tmux} kill-server`]));
  // Keys that come at once are no paste.
  const typed = 'set-option -g assume-paste-time 0';
  const first = startTerminal(sshArgv(host, `${tmux} new-session -s work "PS1='tmux> ' exec sh -i" \\; ${typed}`));
  await first.expect(/tmux> /);
  first.send('marker=$((40 + 2))\r');
  await first.expect(/tmux> /);
  // Ctrl-b d, the usual keys.
  first.send('\x02d');
  assert.equal((await first.ended()).status, 0);
  const second = startTerminal(sshArgv(host, `${tmux} attach -t work`));
  await second.expect(/tmux> /);
  second.send('echo "still $marker"\r');
  await second.expect(/still 42/);
  // The window closed, and not the session in it: nothing but the client of tmux is hung up.
  await second.close();
  const listed = await world.ssh(['-T', host, `${tmux} list-sessions -F '#S'`]);
  assert.equal(listed.stdout.toString(), 'work\n', listed.stderr);
});

forEach('screen: the same', missing('screen', 'python3'), async (host, t) => {
  const name = `nacre${process.pid}`;
  // A folder of its own: the machine's may have modes that screen refuses.
  const screen = `SCREENDIR=$HOME/.nacre-screen-${process.pid} screen`;
  t.after(() => world.ssh(['-T', host, `${screen} -S ${name} -X quit; rm -rf $HOME/.nacre-screen-${process.pid}`]));
  await world.ssh(['-T', host, `mkdir -m 700 $HOME/.nacre-screen-${process.pid}`]);
  const first = startTerminal(sshArgv(host, `PS1='screen> ' ${screen} -c /dev/null -S ${name} sh -i`));
  await first.expect(/screen> /);
  first.send('marker=$((40 + 2))\r');
  await first.expect(/screen> /);
  first.send('\x01d');
  assert.equal((await first.ended()).status, 0);
  const second = startTerminal(sshArgv(host, `${screen} -r ${name}`));
  await second.expect(/screen> /);
  second.send('echo "still $marker"\r');
  await second.expect(/still 42/);
  second.send('exit\r');
  await second.ended();
});

forEach(
  'mosh: its server is started through us, and outlives the login',
  missing('mosh', 'mosh-server', 'python3'),
  async (host) => {
    const argv = [
      'mosh',
      '--bind-server=any',
      '--family=inet',
      `--ssh=${world.wrapper}`,
      `--client=${findProgram('mosh-client')}`,
    ];
    const mosh = startTerminal([...argv, host, '--', 'sh', '-i'], {
      columns: 90,
      rows: 30,
      env: { ...world.env, LC_ALL: 'C.UTF-8', PS1: undefined },
    });
    await mosh.expect(/[$#] /, 20_000);
    // What is typed is drawn again and again; only the sum stands nowhere in it.
    mosh.send('echo sum=$((40 + 2)) $(stty size)\r');
    await mosh.expect(/sum=42 30 90/, 20_000);
    mosh.send('exit\r');
    await mosh.ended(20_000);
  },
);

forEach('su asks for a password on the terminal, and hides it', missing('su', 'python3'), async (host) => {
  if (!world.hosts.includes('other')) return;
  const { name, password } = await otherAccount();
  const terminal = startTerminal(sshArgv(host, `su ${name} -c 'id -un; tty; sleep 0'`));
  if (host !== 'mine') {
    await terminal.expect(/Password: /);
    terminal.send(`${password}\r`);
  }
  await terminal.expect(new RegExp(`${name}\\s+/dev/pts/\\d+`));
  assert.equal((await terminal.ended()).status, 0);
  assert.ok(!terminal.output().includes(password));
});

/** bin/ssh inside of a terminal multiplexer, as people work: escapes, sizes, suspension, Ctrl-C, lists, other alphabets, an editor. */
import assert from 'node:assert/strict';
import { connect as connectSocket, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  freePort,
  missing,
  nacreProgram,
  requireSuccess,
  runProgram,
  sshCommand,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd', 'tmux', 'bash');
const program = nacreProgram('ssh');
/** A server of tmux's own, which no other one on this machine knows. */
const socket = `nacre-test-${process.pid}`;
const tmux = (...args: string[]) => requireSuccess(['tmux', '-L', socket, '-f', '/dev/null', ...args], { env });
const env = { TMUX: undefined, SSH_AUTH_SOCK: undefined, LC_ALL: 'C.UTF-8', TERM: 'screen-256color' };
let server: TestServer;
let echo: Server;
let echoPort = 0;

before(async () => {
  if (skip) return;
  // It ends with its last session, and a test that begins meanwhile would speak with a server on its way out.
  await tmux('start-server', ';', 'set-option', '-g', 'exit-empty', 'off');
  server = await startOpenSshServer({ config: ['SetEnv LC_ALL=C.UTF-8', 'PrintMotd no', 'PrintLastLog no'] });
  echo = createServer((stream) => void stream.pipe(stream));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  echoPort = (echo.address() as { port: number }).port;
});

after(async () => {
  echo?.close();
  if (!skip) await runProgram(['tmux', '-L', socket, 'kill-server'], { env });
});

/** A pane with an interactive shell of ours in it. */
class Pane {
  readonly #name: string;

  private constructor(name: string) {
    this.#name = name;
  }

  static async open(name: string, columns = 100, rows = 40): Promise<Pane> {
    const size = ['-x', String(columns), '-y', String(rows)];
    await tmux('new-session', '-d', '-s', name, ...size, "PS1='here> ' exec bash --norc --noprofile -i");
    const pane = new Pane(name);
    await pane.see(/here>$/);
    return pane;
  }

  /** Keys by tmux's names: `Enter`, `C-c`, or characters. */
  async keys(...keys: string[]): Promise<void> {
    await tmux('send-keys', '-t', this.#name, ...keys);
  }

  /** Text as it is, and Enter. */
  async line(text: string): Promise<void> {
    await tmux('send-keys', '-t', this.#name, '-l', '--', text);
    await this.keys('Enter');
  }

  async screen(): Promise<string> {
    return (await tmux('capture-pane', '-p', '-t', this.#name, '-S', '-200')).trimEnd();
  }

  /** Waits until the screen shows something. */
  async see(pattern: RegExp): Promise<RegExpExecArray> {
    let text = '';
    for (let round = 0; round < 300; round++) {
      text = await this.screen();
      const match = pattern.exec(text);
      if (match !== null) return match;
      await delay(50);
    }
    throw new Error(`${pattern} did not appear; the screen shows:\n${text}`);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await tmux('resize-window', '-t', this.#name, '-x', String(columns), '-y', String(rows));
  }

  async clear(): Promise<void> {
    await tmux('clear-history', '-t', this.#name);
  }

  async close(): Promise<void> {
    await tmux('kill-session', '-t', this.#name);
  }
}

/** Logs in from a pane and waits for the shell there. */
async function logIn(pane: Pane, ...flags: string[]): Promise<void> {
  const words = sshCommand(server, ["PS1='there> ' exec bash --norc --noprofile -i"], {
    program,
    flags: ['-t', ...flags],
  });
  await pane.line(words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' '));
  await pane.see(/there>$/);
}

test('resizing the pane resizes the terminal there; Ctrl-C reaches the program there; UTF-8 goes both ways', {
  skip,
}, async () => {
  const pane = await Pane.open('sizes');
  await logIn(pane);
  await pane.line('stty size');
  await pane.see(/40 100\s/);
  await pane.resize(70, 30);
  // The size is told as soon as it changes: the shell there learns of it by itself.
  await pane.line('until [ "$(stty size)" = "30 70" ]; do sleep 0.1; done; echo "now $(stty size)"');
  await pane.see(/now 30 70/);
  await pane.line('echo before; sleep 1000; echo "ended $?"');
  await pane.see(/\nbefore$/);
  await pane.keys('C-c');
  await pane.see(/\^C\n(?:ended 130\n)?there>$/);
  await pane.line('echo größer 日本語 ✓ | tr -d x');
  await pane.see(/\ngrößer 日本語 ✓\n/);
  await pane.line('exit 3');
  await pane.see(/Connection to 127\.0\.0\.1 closed\.\nhere>$/);
  await pane.line('echo "status $?"');
  await pane.see(/\nstatus 3\n/);
  await pane.close();
});

test('~^Z and fg: the shell here has its terminal meanwhile, and what is typed afterwards arrives', {
  skip,
}, async () => {
  const pane = await Pane.open('suspend');
  await logIn(pane);
  await pane.keys('Enter', '~', 'C-z');
  await pane.see(/\[suspend ssh\]/);
  await pane.see(/Stopped[^\n]*\n(?:[^\n]*\n)*?here>$/);
  await pane.line('stty -a | grep -o "[-]*icanon"; echo next');
  await pane.see(/\nicanon\nnext\n/);
  await pane.resize(90, 25);
  await pane.line('fg');
  await pane.keys('Enter');
  await pane.see(/there>$/);
  await pane.line('echo "back at $(stty size)"');
  await pane.see(/back at 25 90/);
  await pane.keys('Enter', '~', '.');
  await pane.see(/closed\.\n(?:[^\n]*\n)*?here>$/);
  await pane.line('echo "status $?"; stty -a | grep -o "[-]*icanon"');
  await pane.see(/status 255\nicanon\n/);
  await pane.close();
});

test('~# lists channels, ~C opens and cancels forwards, ~? helps, ~V and ~v change the level', { skip }, async () => {
  const pane = await Pane.open('escapes', 160, 50);
  const port = await freePort();
  await logIn(pane, '-o', 'EnableEscapeCommandline=yes', '-o', 'PermitLocalCommand=yes');
  const command = async (line: string): Promise<void> => {
    await pane.keys('Enter', '~', 'C');
    await pane.see(/ssh>$/);
    await pane.line(line);
  };
  await command(`-L ${port}:127.0.0.1:${echoPort}`);
  await pane.see(/ssh> -L \d+:\S+\nForwarding port\.\n/);
  const stream = connectSocket(port, '127.0.0.1');
  const answered = new Promise((resolve) => stream.once('data', resolve));
  stream.write('through');
  assert.equal(String(await answered), 'through');
  await pane.keys('Enter', '~', '#');
  const [, list = ''] = await pane.see(/The following connections are open:\n((?: {2}#.*\n?)+)/);
  assert.match(list, /#0 client-session \(t4 \[session\] r0 i0\/0 o0\/0\)/);
  const { localPort } = stream;
  assert.match(
    list.replaceAll('\n', ''),
    new RegExp(
      `direct-tcpip: listening port ${port} for 127\\.0\\.0\\.1 port ${echoPort}, connect from 127\\.0\\.0\\.1 port ${localPort} to 127\\.0\\.0\\.1 port ${port} \\(t4 \\[direct-tcpip\\]`,
    ),
  );
  stream.destroy();
  await command(`-KL ${port}`);
  await pane.see(/Canceled forwarding\./);
  await assert.rejects(
    new Promise((resolve, reject) => connectSocket(port, '127.0.0.1').once('connect', resolve).once('error', reject)),
    /ECONNREFUSED/,
  );
  await command(`-KL ${port}`);
  await pane.see(/Unknown port forwarding\./);
  await command('-R 0:127.0.0.1:9');
  await pane.see(/Allocated port \d+ for remote forward to 127\.0\.0\.1:9/);
  await command('-D foo');
  await pane.see(/Bad local forwarding specification\./);
  await command('help');
  await pane.see(/Commands:\n +-L\[bind_address:\]port:host:hostport/);
  await command('!echo "local $((40 + 2))"; stty -a | grep -o "[-]*icanon"');
  await pane.see(/\nlocal 42\nicanon\n/);
  await pane.keys('Enter', '~', 'C');
  await pane.see(/ssh>$/);
  await pane.keys('C-c');
  await pane.line('echo "the session $((1 + 1))"');
  await pane.see(/\nthe session 2\n/);
  await pane.keys('Enter', '~', '?');
  await pane.see(/Supported escape sequences:/);
  await pane.keys('Enter', '~', 'v');
  await pane.see(/~v \[LogLevel VERBOSE\]/);
  await pane.keys('Enter', '~', 'V', 'Enter', '~', 'V');
  await pane.see(
    /~V \[LogLevel INFO\]\n(?:.*\n)*?~V \[LogLevel ERROR\]|~V \[LogLevel INFO\][\s\S]*~V \[LogLevel ERROR\]/,
  );
  await pane.line('exit');
  await pane.see(/here>$/);
  await pane.close();
});

test('~C says that it is disabled where nobody enabled it', { skip }, async () => {
  const pane = await Pane.open('disabled');
  await logIn(pane);
  await pane.keys('Enter', '~', 'C');
  await pane.see(/commandline disabled/);
  await pane.line('echo "typed $((2 + 2))"');
  await pane.see(/\ntyped 4\n/);
  await pane.close();
});

test('~& gives the shell its prompt back, and forwarded connections go on', { skip }, async (t) => {
  const pane = await Pane.open('background', 140, 40);
  const port = await freePort();
  await logIn(pane, '-L', `${port}:127.0.0.1:${echoPort}`);
  const stream = connectSocket(port, '127.0.0.1');
  t.after(() => stream.destroy());
  const ask = async (text: string): Promise<string> => {
    const answer = new Promise((resolve) => stream.once('data', resolve));
    stream.write(text);
    return String(await answer);
  };
  assert.equal(await ask('one'), 'one');
  await pane.keys('Enter', '~', '&');
  await pane.see(/~& \[backgrounded\]/);
  // The shell over there says its `exit` before or after the one here shows its prompt.
  await pane.see(/Stopped[^\n]*\n(?:[^\n]*\n)*?here>/);
  await pane.see(/\n *exit\b/);
  await pane.keys('Enter');
  await pane.line('echo "mine $((3 + 4))"; stty -a | grep -o "[-]*icanon"');
  await pane.see(/\nmine 7\nicanon\n/);
  assert.equal(await ask('two'), 'two');
  await pane.line('jobs -r | wc -l');
  await pane.see(/\n1\nhere>$/);
  // No new ones are taken.
  await assert.rejects(
    new Promise((resolve, reject) => connectSocket(port, '127.0.0.1').once('connect', resolve).once('error', reject)),
    /ECONNREFUSED/,
  );
  const ended = new Promise((resolve) => stream.once('close', resolve));
  stream.end();
  await ended;
  await pane.line('wait; echo "alone"; jobs | wc -l');
  await pane.see(/\nalone\n0\nhere>$/);
  await pane.close();
});

test('vim in the pane: what is drawn and typed is right, and the screen comes back', {
  skip: skip || missing('vim'),
}, async () => {
  const pane = await Pane.open('vim', 80, 24);
  await logIn(pane);
  await pane.line('echo behind the editor; vim -u NONE -N');
  await pane.see(/VIM - Vi IMproved/);
  await pane.line('ihello Wörld');
  await pane.keys('Escape');
  await pane.line(':%s/hello/goodbye/');
  await pane.see(/^goodbye Wörld\n/);
  await pane.line(':q!');
  await pane.see(/behind the editor\nthere>$/);
  await pane.close();
});

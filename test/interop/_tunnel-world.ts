/** Two machines in one: network namespaces that know each other through a tunnel alone, and ssh between them by way of pipes. */
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  currentUser,
  makeFolder,
  makeServerFiles,
  missing,
  nacreProgram,
  openSsh10Folder,
  openSshProgram,
  type ProgramResult,
  type RunningProgram,
  requireSuccess,
  runProgram,
  startProgram,
} from '../harness/index.ts';

const traffic = fileURLToPath(new URL(`./_tunnel-traffic${extname(import.meta.url)}`, import.meta.url));

/** Why tunnels cannot be tested here. */
export function missingTunnels(): string | false {
  const reason = missing('root', 'ip', 'unshare', 'nsenter', 'setpriv', 'nacre:ssh', 'nacre:sshd', 'ssh', 'sshd');
  if (reason) return reason;
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
    return false;
  } catch (error) {
    return `/dev/net/tun: ${(error as NodeJS.ErrnoException).code}`;
  }
}

/** A network of its own. It goes away, with every device in it, when its last process has ended. */
export class Namespace {
  readonly #holder: RunningProgram;

  private constructor(holder: RunningProgram) {
    this.#holder = holder;
  }

  /** @param prepare - shell commands run in it first. Mounts are its own as well, so that /sys shows its devices. */
  static async make(prepare = ':'): Promise<Namespace> {
    const script = `mount -t sysfs sysfs /sys && ip link set lo up && { ${prepare}; } && echo ready && exec sleep 600`;
    const holder = startProgram(['unshare', '--net', '--mount', 'sh', '-c', script]);
    await holder.waitForLog(/^ready$/m);
    return new Namespace(holder);
  }

  /** The command line that runs another one in here. */
  within(...argv: string[]): string[] {
    return ['nsenter', '-t', String(this.#holder.pid), '--net', '--mount', ...argv];
  }

  run(...argv: string[]): Promise<string> {
    return requireSuccess(this.within(...argv));
  }

  /** Waits until there is an interface. */
  async waitForDevice(name: string): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      if ((await runProgram(this.within('ip', 'link', 'show', name))).status === 0) return;
      await delay(25);
    }
    throw new Error(`no interface ${name} came`);
  }

  /** Gives an interface its addresses and switches it on. */
  async bringUp(name: string, number: number): Promise<void> {
    await this.run('ip', 'addr', 'add', `10.77.0.${number}/24`, 'dev', name);
    await this.run('ip', '-6', 'addr', 'add', `fd77::${number}/64`, 'dev', name, 'nodad');
    await this.run('ip', 'link', 'set', name, 'up');
  }

  /** Answers on every address, until the tests end. */
  async serveTraffic(): Promise<void> {
    await startProgram(this.within(process.execPath, traffic, 'serve')).waitForLog(/^serving$/m);
  }

  /** UDP and TCP to an address of the other side and back, every byte compared. */
  async checkTraffic(address: string): Promise<void> {
    const said = await requireSuccess(this.within(process.execPath, traffic, 'check', address), { timeoutMs: 120_000 });
    if (said !== 'whole\n') throw new Error(`the traffic to ${address} said: ${said}`);
  }

  stop(): Promise<void> {
    return this.#holder.stop();
  }
}

export type Kind = 'nacre' | 'OpenSSH 9.2' | 'OpenSSH 10.0';

export interface WorldOptions {
  readonly client: Kind;
  readonly server: Kind;
  /** Lines of sshd_config. */
  readonly config?: readonly string[];
  /** Options before the key, in authorized_keys. */
  readonly keyOptions?: string;
  /** Shell commands for the server's namespace. */
  readonly prepare?: string;
  readonly user?: string;
}

/** A client and a server, each in a namespace. */
export interface World {
  readonly here: Namespace;
  readonly there: Namespace;
  /** Runs ssh to its end. */
  run(args: readonly string[], within?: readonly string[]): Promise<ProgramResult>;
  /** Starts an ssh that stays. */
  start(args: readonly string[]): RunningProgram;
  /** The processes that serve the client now. */
  daemons(): number[];
  stop(): Promise<void>;
}

export async function makeWorld(options: WorldOptions): Promise<World> {
  const { client, server, config = [], keyOptions = '', prepare, user = currentUser() } = options;
  const files = await makeServerFiles({ identity: false });
  const folder = makeFolder('tunnel');
  // OpenSSH reads authorized_keys as the user that logs in.
  chmodSync(folder, 0o755);
  const authorizedKeys = join(folder, 'authorized_keys');
  const { identity } = await makeServerFiles({});
  writeFileSync(authorizedKeys, `${keyOptions === '' ? '' : `${keyOptions} `}${identity.publicLine}\n`);
  const [configFile, logFile, knownHosts] = ['sshd_config', 'log', 'known_hosts'].map((name) => join(folder, name));
  const lines = [
    ...config,
    ...files.hostKeys.map(({ file }) => `HostKey ${file}`),
    `AuthorizedKeysFile ${authorizedKeys}`,
    ...['StrictModes no', 'PermitRootLogin yes', 'PasswordAuthentication no', 'LogLevel DEBUG1'],
    ...(server === 'nacre' ? [] : ['UsePAM no']),
    ...(server === 'OpenSSH 10.0' ? ownParts() : []),
  ];
  writeFileSync(configFile as string, `${lines.join('\n')}\n`);
  writeFileSync(logFile as string, '');
  writeFileSync(
    knownHosts as string,
    files.hostKeys.map(({ publicLine }) => `there ${publicLine.split(' ').slice(0, 2).join(' ')}\n`).join(''),
  );
  const [here, there] = [await Namespace.make(), await Namespace.make(prepare)];
  const daemon = [programOf('sshd', server), '-i', '-f', configFile, '-E', logFile].join(' ');
  const ssh = [
    programOf('ssh', client),
    ...['-F', '/dev/null'],
    ...[
      `ProxyCommand=${there.within(...daemon.split(' ')).join(' ')}`,
      `UserKnownHostsFile=${knownHosts}`,
      `IdentityFile=${identity.file}`,
      `User=${user}`,
      ...['GlobalKnownHostsFile=/dev/null', 'IdentitiesOnly=yes', 'BatchMode=yes', 'StrictHostKeyChecking=yes'],
    ].flatMap((option) => ['-o', option]),
  ];
  const env = { SSH_AUTH_SOCK: undefined };
  const running: RunningProgram[] = [];
  return {
    here,
    there,
    run: (args, within = []) => runProgram(here.within(...within, ...ssh, ...args), { env }),
    start(args) {
      const program = startProgram(here.within(...ssh, ...args), { env });
      running.push(program);
      return program;
    },
    daemons: () => processesWith(configFile as string),
    async stop() {
      for (const program of running) await program.stop();
      // An ssh that went to the background ends with its server.
      for (const pid of processesWith(configFile as string)) process.kill(pid);
      await Promise.all([here.stop(), there.stop()]);
    },
  };
}

function programOf(name: 'ssh' | 'sshd', kind: Kind): string {
  return kind === 'nacre' ? nacreProgram(name) : openSshProgram(name, kind === 'OpenSSH 10.0' ? '10.0' : '9.2');
}

/** sshd 10 starts programs of its own, which are looked for where the package would have put them. */
function ownParts(): string[] {
  const folder = join(openSsh10Folder, 'usr', 'lib', 'openssh');
  return [`SshdSessionPath ${join(folder, 'sshd-session')}`, `SshdAuthPath ${join(folder, 'sshd-auth')}`];
}

/** Those that have an argument, by the kernel's list. */
function processesWith(argument: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return argv.includes(argument) && argv.some((word) => word.endsWith('sshd') || word === 'sshd');
      } catch {
        return false;
      }
    });
}

/** `nacre sshd health`: whether a server serves, for scripts, containers and balancers. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { version } from '@nacre/ssh';
import { SshError } from '@nacre/ssh/errors';
import { formatHelp, parseFlags, usageError } from '../../../flags/index.ts';
import type { Settings } from '../config/config.ts';
import { controlSocketPath } from '../control/place.ts';
import { askNamedServer, readServerSettings, serverRows } from './which-server.ts';

const table = {
  tool: 'nacre sshd health',
  rows: [{ letter: 'q', name: 'quiet', help: 'Say nothing.' }, ...serverRows],
} as const;

const notes = `
Connects to the server as a client does and exchanges identifications, then asks at its control socket (unless that is "none").
Status: 0 where both answer, 1 where one does not.

  nacre sshd health || systemctl restart sshd
  HEALTHCHECK CMD nacre sshd health -q -f /etc/ssh/sshd_config`;

const timeoutMs = 5000;
/** RFC 4253 §4.2: lines before the identification are allowed; nobody needs many. */
const maxGreetingBytes = 8 * 1024;

export async function run(args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(table, args);
  if (flags.help || flags.helpWord) {
    process.stdout.write(`${formatHelp(table)}\n${notes}\n`);
    return 0;
  }
  if (operands.length > 0) throw usageError(table, `Extra argument ${operands[0]}.`);
  const say = (text: string): void => void (flags.quiet || process.stdout.write(`${text}\n`));
  let socket: Socket | undefined;
  try {
    const settings = readServerSettings(flags);
    socket = connect(listenerOf(settings));
    const identification = await exchangeIdentifications(socket);
    if (flags.socket !== undefined || controlSocketPath(settings) !== undefined) {
      const { localAddress: address = '', localPort: port = 0 } = socket;
      const { found } = (await askNamedServer(flags, { ask: 'health', address, port })) as { found: boolean };
      if (!found) throw unhealthy('the control socket is that of another server');
    }
    say(`ok: ${identification}`);
    return 0;
  } catch (error) {
    if (error instanceof SshError && error.stage === 'usage' && error.code === 'misuse') throw error;
    say(`not well: ${(error as Error).message}`);
    return 1;
  } finally {
    socket?.destroy();
  }
}

/** The first address that the server listens on, or the loopback one where it is every address. */
function listenerOf({ listenAddress: [first], port: [port = 22], addressFamily }: Settings): {
  host: string;
  port: number;
} {
  const everywhere = addressFamily === 'inet6' ? '::1' : '127.0.0.1';
  if (first === undefined || first.host === '0.0.0.0') return { host: everywhere, port: first?.port ?? port };
  return { host: first.host === '::' ? '::1' : first.host, port: first.port ?? port };
}

/** Gives the server's identification once ours has gone. */
async function exchangeIdentifications(socket: Socket): Promise<string> {
  const deadline = setTimeout(
    () => socket.destroy(unhealthy(`no answer within ${timeoutMs / 1000} seconds`)),
    timeoutMs,
  );
  try {
    await once(socket, 'connect');
    socket.write(`SSH-2.0-nacre_${version} health\r\n`);
    let text = '';
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      text += chunk.toString('latin1');
      const line = text.split('\n').find((each) => each.startsWith('SSH-'));
      if (line?.endsWith('\r')) return line.trimEnd();
      if (text.length > maxGreetingBytes) throw unhealthy('what answers is no SSH server');
    }
    throw unhealthy(
      text === '' ? 'the server hung up' : `the server said ${JSON.stringify(text.trim().slice(0, 100))}`,
    );
  } finally {
    clearTimeout(deadline);
  }
}

function unhealthy(message: string): SshError {
  return new SshError(message, { code: 'connect-failed', stage: 'identification' });
}

/** What a client lends to its sessions here, as far as the configuration lets it: its agent and its display. */
import { hostname } from 'node:os';
import {
  type AgentForwardRequest,
  type ForwardedAgent,
  type ForwardedDisplay,
  formatXauthCommands,
  listenX11,
  type ServerConnection,
  type X11ForwardRequest,
} from '@nacre/ssh/server';
import { type Account, baseEnvironment, startSession } from '../../os/index.ts';
import type { Admitted, Say } from './admission.ts';
import type { Settings } from './config/config.ts';
import { isExecutable } from './config/read-file.ts';
import { loggedName } from './log.ts';
import { userSockets } from './user-sockets.ts';

/** AllowAgentForwarding: a socket of the user's that leads to the client's agent; undefined refuses. */
export async function lendAgent(
  { onConnection }: AgentForwardRequest,
  connection: ServerConnection,
  admission: Admitted,
): Promise<ForwardedAgent | undefined> {
  const candidate = admission.find(connection.peer);
  if (candidate?.isValid !== true) return undefined;
  const { allowAgentForwarding, disableForwarding } = candidate.settings;
  if (disableForwarding || !allowAgentForwarding) return undefined;
  const sockets = await userSockets(connection, candidate.account);
  return sockets.listenAgent(onConnection);
}

/** X11Forwarding: a display here that leads to the client's, whose cookie the user's programs find; undefined refuses. */
export async function lendDisplay(
  request: X11ForwardRequest,
  connection: ServerConnection,
  admission: Admitted,
): Promise<ForwardedDisplay | undefined> {
  const candidate = admission.find(connection.peer);
  if (candidate?.isValid !== true) return undefined;
  const { account, settings } = candidate;
  const log = admission.logFor(connection.peer);
  if (settings.disableForwarding || !settings.x11Forwarding) {
    log('DEBUG1', 'X11 forwarding disabled in server configuration file.');
    return undefined;
  }
  const { xauthLocation, x11DisplayOffset, x11UseLocalhost } = settings;
  if (xauthLocation === undefined || !isExecutable(xauthLocation)) {
    log('INFO', 'No xauth program; cannot forward X11.');
    return undefined;
  }
  const display = await listenX11(request, {
    displayOffset: x11DisplayOffset,
    ...(!x11UseLocalhost && { hostName: hostname() }),
  });
  if (display === undefined) {
    log('ERROR', 'Failed to allocate internet-domain X11 display socket.');
    return undefined;
  }
  const commands = formatXauthCommands(request, display);
  return { ...display, announce: () => giveCookie(xauthLocation, commands, account, settings, log) };
}

/** Longer than this no session waits for xauth, which may find its file locked. */
const xauthTimeoutMs = 10_000;

/** As the user, by standard input: on a command line everybody on this machine could read the cookie. */
async function giveCookie(
  xauth: string,
  commands: string,
  account: Account,
  settings: Settings,
  log: Say,
): Promise<void> {
  const program = await startSession({
    account: { ...account, shell: '/bin/sh' },
    command: `exec '${xauth.replaceAll("'", "'\\''")}' -q -`,
    environment: { ...baseEnvironment(account), ...Object.fromEntries(settings.setEnv) },
  });
  const timer = setTimeout(() => program.signal('KILL'), xauthTimeoutMs);
  let errors = '';
  program.stderr?.on('data', (text: Buffer) => {
    errors = (errors + String(text)).slice(0, 200);
  });
  program.stdout.resume();
  program.stdin.end(commands);
  const exit = await program.exit;
  clearTimeout(timer);
  if ('code' in exit && exit.code === 0) return;
  log('INFO', `${xauth} failed for user ${account.name}: ${loggedName(errors.trim())}`);
}

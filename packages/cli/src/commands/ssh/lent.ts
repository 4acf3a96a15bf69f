/** What a session lends to its program: the agent (-A) and the display (-X, -Y), with OpenSSH's words for what cannot be lent. */
import { existsSync } from 'node:fs';
import { agentPath, type ClientConnection, variableName, type X11Options } from '@nacre/ssh/client';
import type { ClientSession } from '@nacre/ssh/connection';
import { FatalError } from './end.ts';
import { expandPath, orUndefined } from './paths.ts';
import type { Request } from './request.ts';

/**
 * Gets ready what is lent; the function that it gives asks the server for it on a session.
 *
 * @throws FatalError where an agent's socket was named that is not there, and ExitOnForwardFailure is set.
 */
export async function prepareLent(
  connection: ClientConnection,
  request: Request,
): Promise<(session: ClientSession) => void> {
  const { log } = request;
  const agent = chooseAgent(request);
  const x11 = chooseDisplay(request);
  if (agent === undefined && x11 === undefined) return () => {};
  return connection.lend({
    ...(agent !== undefined && { agentForwarding: agent }),
    ...(x11 !== undefined && { x11 }),
    onForwardingFailure: (what, error) => {
      if (error.code === 'request-refused') {
        log.error(`${what === 'x11' ? 'X11' : 'agent'} forwarding request failed on channel 0`);
        return;
      }
      // The first line says what; what xauth wrote stands behind it.
      const [line, ...more] = error.message.trim().split('\n');
      log.error(`Warning: ${line}`);
      for (const each of more) log.debug(1, each);
    },
  });
}

/** The socket of the agent that is lent; undefined where there is none. */
export function chooseAgent(request: Request): string | undefined {
  const { settings, log } = request;
  const { forwardAgent } = settings;
  if (forwardAgent === false) return undefined;
  const named = forwardAgent === true ? undefined : namedSocket(forwardAgent, request);
  if (named === undefined) return ownAgent(request);
  if (existsSync(named)) return named;
  const text = `Cannot forward agent socket path "${named}": No such file or directory`;
  if (settings.exitOnForwardFailure) throw new FatalError(text);
  log.error(text);
  return undefined;
}

/** `$NAME` names a variable that holds the path; unset, the usual agent is meant. */
function namedSocket(text: string, request: Request): string | undefined {
  const name = variableName(text);
  if (name !== undefined) return process.env[name] || undefined;
  if (!text.startsWith('$') || text.startsWith('${')) return expandPath(text, request, 'ForwardAgent');
  throw new FatalError(`Invalid ForwardAgent environment variable name ${text}`, { always: true });
}

/** The agent that login uses. One that is not there is not lent, as in OpenSSH. */
function ownAgent(request: Request): string | undefined {
  const { identityAgent } = request.settings;
  if (identityAgent?.toLowerCase() === 'none') return undefined;
  const path = agentPath(identityAgent, request);
  if (path !== undefined && existsSync(path)) return path;
  request.log.debug(1, 'agent forwarding was asked for, and no agent runs here');
  return undefined;
}

function chooseDisplay(request: Request): X11Options | undefined {
  const { settings, log } = request;
  if (!settings.forwardX11) return undefined;
  const { DISPLAY: display = '' } = process.env;
  if (display === '') {
    log.debug(1, 'X11 forwarding requested but DISPLAY not set');
    return undefined;
  }
  const xauth = orUndefined(settings.xauthLocation);
  log.debug(1, 'Requesting X11 forwarding with authentication spoofing.');
  return {
    display,
    trusted: settings.forwardX11Trusted,
    timeoutSeconds: settings.forwardX11TimeoutSeconds,
    ...(xauth !== undefined && { xauthPath: expandPath(xauth, request, 'XAuthLocation') }),
    onWarning: (text) => log.info(text),
  };
}

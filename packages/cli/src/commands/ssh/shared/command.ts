/** ssh -O: what a running master is asked, in OpenSSH's words. Nothing here connects to a host. */
import { connectMux, type MuxClient } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { sanitize } from '../../../terminal/sanitize.ts';
import type { ControlCommand } from '../command-line.ts';
import { FatalError } from '../end.ts';
import { writeStderr } from '../log.ts';
import type { Request } from '../request.ts';
import { controlPath, denied, refusalReason } from './control-path.ts';
import { changeForwards } from './master-forwards.ts';

type Action = (master: MuxClient, request: Request) => Promise<number>;

/**
 * Asks, and gives the exit status.
 *
 * @throws FatalError where there is no master, or it does not do what it is asked.
 */
export async function runControlCommand(request: Request, command: Exclude<ControlCommand, 'proxy'>): Promise<number> {
  const path = controlPath(request);
  if (path === undefined) throw new FatalError('No ControlPath specified for "-O" command', { always: true });
  const master = await connectMux(path).catch((error: unknown) => {
    if (error instanceof SshError) throw new FatalError(error.message);
    throw error;
  });
  try {
    return await actions[command](master, request);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    const reason = refusalReason(error);
    const [refused, failed] = words[command] ?? [`${command} request`, `${command} request failed`];
    if (error.code !== 'request-refused') throw new FatalError(`${failed}: ${error.message}`);
    throw new FatalError(reason === denied ? `Master refused ${refused}: ${reason}` : `${failed}: ${reason}`);
  } finally {
    await master.close();
  }
}

/** What OpenSSH says where somebody refused it, and where it failed. */
const words: Partial<Record<ControlCommand, readonly [string, string]>> = {
  check: ['alive check', 'muxclient: master alive check failed'],
  exit: ['termination request', 'mux_client_request_terminate: termination request failed'],
  stop: ['stop listening request', 'mux_client_request_stop_listening: stop listening request failed'],
};

const actions: Record<Exclude<ControlCommand, 'proxy'>, Action> = {
  async check(master) {
    writeStderr(`Master running (pid=${await master.aliveCheck()})\r\n`);
    return 0;
  },
  async exit(master, { log }) {
    await master.terminate();
    if (log.level !== 'QUIET') writeStderr('Exit request sent.\r\n');
    return 0;
  },
  async stop(master, { log }) {
    await master.stopListening();
    if (log.level !== 'QUIET') writeStderr('Stop listening request sent.\r\n');
    return 0;
  },
  async forward(master, request) {
    const print = (port: number) => void process.stdout.write(`${port}\n`);
    if (await changeForwards(master, request, 'open', print)) return 0;
    throw new FatalError('muxclient: master forward request failed');
  },
  async cancel(master, request) {
    if (!(await changeForwards(master, request, 'cancel')))
      request.log.error('muxclient: master cancel forward request failed');
    return 0;
  },
  async conninfo(master, { json }) {
    const text = await master.describe('connection');
    if (json) {
      const { readConnectionInfo } = await import('./connection-info.ts');
      process.stdout.write(`${JSON.stringify(readConnectionInfo(text), undefined, 2)}\n`);
    } else printText(text);
    return 0;
  },
  async channels(master) {
    printText(await master.describe('channels'));
    return 0;
  },
};

/** It holds names of the server's making. */
function printText(text: string): void {
  process.stdout.write(sanitize(text.replaceAll('\r\n', '\n'), '\n\t'));
}

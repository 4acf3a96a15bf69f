/** The command line of `~C`: forwards opened and cancelled while a session runs, in OpenSSH's words. */
import { type ForwardKind, parseForward } from '@nacre/ssh/config';
import type { ForwardSet } from './forwards.ts';

/** What a command line may do. */
export interface EscapeCommandHost {
  forwards(): Promise<ForwardSet>;
  /** Runs a line in the shell here; undefined where PermitLocalCommand is off. */
  readonly runHere: ((command: string) => Promise<unknown>) | undefined;
}

const kinds: Readonly<Record<string, ForwardKind>> = { L: 'local', R: 'remote', D: 'dynamic' };

/** Does what a line says; gives the lines to show. */
export async function runEscapeCommand(line: string, host: EscapeCommandHost): Promise<string[]> {
  // A minus in front is usual and means nothing.
  const text = line.trim().replace(/^-/, '');
  const [letter = ''] = text;
  if (letter === '') return [];
  if ('hH?'.includes(letter)) return help(host.runHere !== undefined);
  if (letter === '!' && host.runHere !== undefined) {
    await host.runHere(text.slice(1).trim());
    return [];
  }
  const isCancel = letter === 'K';
  const kind = kinds[text[isCancel ? 1 : 0] ?? ''];
  if (kind === undefined) return ['Invalid command.'];
  const argument = text.slice(isCancel ? 2 : 1).trim();
  return [isCancel ? await cancel(kind, argument, host) : await open(kind, argument, host)];
}

async function open(kind: ForwardKind, argument: string, host: EscapeCommandHost): Promise<string> {
  const forward = parseForward(argument, kind);
  if (forward === undefined) return `Bad ${kind === 'remote' ? 'remote' : 'local'} forwarding specification.`;
  const forwards = await host.forwards();
  const stands =
    kind === 'remote' ? (await forwards.openRemote(forward)) === undefined : await forwards.openLocal(forward);
  return stands ? 'Forwarding port.' : 'Port forwarding failed.';
}

async function cancel(kind: ForwardKind, argument: string, host: EscapeCommandHost): Promise<string> {
  // Where it listens is all that is said: `[bind_address:]port` or a path.
  const listen = parseForward(argument, 'dynamic')?.listen;
  if (listen === undefined) return 'Bad forwarding close specification.';
  const isKnown = await (await host.forwards()).cancel(kind === 'remote' ? 'remote' : 'local', listen);
  return isKnown ? 'Canceled forwarding.' : 'Unknown port forwarding.';
}

function help(hasLocalCommands: boolean): string[] {
  const rows = [
    ['-L[bind_address:]port:host:hostport', 'open a local forward'],
    ['-R[bind_address:]port:host:hostport', 'open a remote forward'],
    ['-D[bind_address:]port', 'open a dynamic forward'],
    ['-KL[bind_address:]port', 'cancel a local forward'],
    ['-KR[bind_address:]port', 'cancel a remote forward'],
    ['-KD[bind_address:]port', 'cancel a dynamic forward'],
    ...(hasLocalCommands ? [['!command', 'run a command on this machine']] : []),
  ];
  return ['Commands:', ...rows.map(([form = '', text = '']) => `      ${form.padEnd(38)} ${text}`)];
}

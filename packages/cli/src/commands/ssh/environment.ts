/** The environment that a session is given: SetEnv, and what SendEnv names of our own. */
import type { ClientSession } from '@nacre/ssh/connection';
import { matchPattern } from '@nacre/ssh/trust';
import type { Request } from './request.ts';

/** Sends the variables; servers take those that they know and keep silent about the others. */
export function sendEnvironment(session: ClientSession, request: Request): void {
  const { log, settings } = request;
  const channel = session.channel.id;
  if (settings.sendEnv.length > 0) log.debug(1, 'Sending environment.');
  for (const [name, value] of environment(request)) {
    log.debug(1, `channel ${channel}: setting env ${name} = "${value}"`);
    session.env(name, value);
  }
}

function environment({ settings }: Request): (readonly [string, string])[] {
  const setEnv = settings.setEnv.map((assignment): readonly [string, string] => {
    const at = assignment.indexOf('=');
    return [assignment.slice(0, at), assignment.slice(at + 1)];
  });
  const isWanted = (name: string): boolean => settings.sendEnv.some((pattern) => matchPattern(name, pattern));
  const sent = Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && isWanted(name) && !setEnv.some(([own]) => own === name) ? [[name, value] as const] : [],
  );
  return [...sent, ...setEnv];
}

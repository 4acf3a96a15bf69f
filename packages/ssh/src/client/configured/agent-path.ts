/** Where settings say that the agent listens: IdentityAgent, and the variables that it and ForwardAgent may name. */
import { existsSync } from 'node:fs';
import { type Expansion, expandPath } from './paths.ts';

/**
 * The socket of the agent that login uses; undefined where none is wanted or running.
 *
 * @param identityAgent - IdentityAgent: a path, `none`, `SSH_AUTH_SOCK`, or `$NAME` of a variable that holds a path.
 * @throws SshError `bad-file` for tokens and variables in a path that are not there.
 */
export function agentPath(identityAgent = 'SSH_AUTH_SOCK', system: Expansion): string | undefined {
  const { environment = process.env } = system;
  if (identityAgent.toLowerCase() === 'none') return undefined;
  if (identityAgent === 'SSH_AUTH_SOCK') return environment.SSH_AUTH_SOCK || undefined;
  const name = variableName(identityAgent);
  if (name !== undefined) return environment[name] || undefined;
  const path = expandPath(identityAgent, system, 'IdentityAgent');
  return existsSync(path) ? path : undefined;
}

/** The variable that a whole value names: `$NAME`. */
export function variableName(text: string): string | undefined {
  return /^\$([A-Za-z_]\w*)$/.exec(text)?.[1];
}

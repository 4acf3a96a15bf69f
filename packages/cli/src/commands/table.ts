/** The tools: a row each, loaded only when it is the one that was asked for. */

import type { ToolRow } from './tool.ts';

export const tools: readonly ToolRow[] = [
  {
    name: 'nacre',
    help: 'this list, and the version',
    failureExit: 1,
    load: async () => (await import('./nacre/index.ts')).createNacre(tools),
  },
  {
    name: 'ssh',
    help: 'log in to another machine, or run a command there',
    failureExit: 255,
    load: () => import('./ssh/index.ts'),
    version: async () => (await import('./ssh/version.ts')).versionLine(),
  },
  {
    name: 'scp',
    help: 'copies files to and from other machines',
    failureExit: 1,
    load: () => import('./scp/index.ts'),
  },
  {
    name: 'sshd',
    help: 'server; `nacre sshd status`, `kick` and `health` ask one that runs',
    failureExit: 255,
    load: () => import('./sshd/index.ts'),
  },
  {
    name: 'sftp',
    help: 'moves files to and from another machine, by commands',
    failureExit: 1,
    load: () => import('./sftp/index.ts'),
  },
  {
    name: 'sftp-server',
    help: 'serves files to an sftp client; sshd starts it',
    failureExit: 255,
    load: () => import('./sftp-server/index.ts'),
  },
  {
    name: 'ssh-keygen',
    help: 'makes, shows and changes keys',
    failureExit: 1,
    load: () => import('./ssh-keygen/index.ts'),
  },
  {
    name: 'ssh-agent',
    help: 'holds keys and signs with them',
    failureExit: 1,
    load: () => import('./ssh-agent/index.ts'),
  },
  { name: 'ssh-add', help: 'gives keys to the agent', failureExit: 1, load: () => import('./ssh-add/index.ts') },
  {
    name: 'ssh-keyscan',
    help: 'gathers the host keys of servers',
    failureExit: 1,
    load: () => import('./ssh-keyscan/index.ts'),
  },
  {
    name: 'ssh-copy-id',
    help: 'puts your public key on a server',
    failureExit: 1,
    load: () => import('./ssh-copy-id/index.ts'),
  },
  {
    name: 'keys',
    help: 'every key a person has, and what is wrong with it',
    failureExit: 2,
    load: () => import('./keys/index.ts'),
  },
  {
    name: 'explain',
    help: 'what ssh would do for a host, and by which line of which file',
    failureExit: 2,
    load: () => import('./explain/index.ts'),
  },
  {
    name: 'sync',
    help: 'makes a folder here or on a server as another one is, and moves only what differs',
    failureExit: 1,
    load: () => import('./sync/index.ts'),
  },
  {
    name: 'start',
    help: 'a server for yourself alone, to try',
    failureExit: 1,
    load: () => import('./start/index.ts'),
  },
];

export function findTool(name: string): ToolRow | undefined {
  return tools.find((tool) => tool.name === name);
}

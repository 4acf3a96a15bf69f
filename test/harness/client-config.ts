/** Blocks of ssh_config that lead to servers of the harness. */
import type { TestServer } from './servers.ts';

/** `Host NAME`, with where the server is, whom it lets in by which key, and where its host keys are known. */
export function hostLines(name: string, { port, user, identity, knownHostsFile }: TestServer): string[] {
  return [
    `Host ${name}`,
    '  HostName 127.0.0.1',
    `  Port ${port}`,
    `  User ${user}`,
    `  IdentityFile ${identity.file}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${knownHostsFile}`,
    '  GlobalKnownHostsFile /dev/null',
  ];
}

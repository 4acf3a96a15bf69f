/** What the tools read: ssh's configuration files, and command lines. */
import { nodeConfigSystem } from '@nacre/ssh/client';
import { dumpClientConfig, resolveClientConfig } from '@nacre/ssh/config';
import { parsePlace } from 'nacre/dist/commands/scp/place.js';
import { parseDestination } from 'nacre/dist/commands/ssh/destination.js';
import { flagTable as sshFlags } from 'nacre/dist/commands/ssh/flag-table.js';
import { flagTable as sshdFlags } from 'nacre/dist/commands/sshd/flags.js';
import { parseFlags } from 'nacre/dist/flags/index.js';
import type { FuzzTarget } from '../target.ts';

/** A file of ssh_config as the client reads it. What Include names would be read from the disk, so that nothing is there. */
export const sshConfig: FuzzTarget = {
  name: 'ssh-config',
  seeds: [
    Buffer.from('# comment\nHost *.example.com !no.example.com\n  Port 2222\n  User "a b"\n IdentityFile=~/.ssh/%h\n'),
    Buffer.from(
      'Match host a,b user me\nCiphers +aes128-ctr\nMACs -hmac-*\nKexAlgorithms ^curve25519-sha256\nRekeyLimit 1G 1h\n',
    ),
    Buffer.from(
      'SendEnv LANG LC_*\nSetEnv A="b c" D=e\nEscapeChar ^]\nServerAliveInterval 30\nConnectTimeout 1m\nCompression yes\n',
    ),
    Buffer.from(
      'StrictHostKeyChecking accept-new\nLogLevel DEBUG3\nPreferredAuthentications publickey,password\nIgnoreUnknown x*\nXyz 1\n',
    ),
  ],
  async run(input) {
    const system = nodeConfigSystem({
      readFile: (path) => (path === 'fuzzed' ? input.toString('utf8') : undefined),
      expandGlob: () => [],
      runCommand: () => 1,
    });
    const config = await resolveClientConfig({ host: 'host', configFile: 'fuzzed' }, system);
    dumpClientConfig(config);
  },
};

/** Arguments with NUL between them; byte 0 chooses the tool. */
export const commandLine: FuzzTarget = {
  name: 'command-line',
  seeds: [
    Buffer.from('\x00-vvp22\0-o\0Port=23\0me@host\0-v\0command\0-x'),
    Buffer.from('\x00-4\0--\0ssh://me@[::1]:22/\0command'),
    Buffer.from('\x01-D\0-e\0-f\0/dev/null\0-oPort=22\0-p2222'),
  ],
  run(input) {
    const args = input.subarray(1).toString('utf8').split('\0');
    const isClient = ((input[0] ?? 0) & 1) === 0;
    const { operands } = isClient ? parseFlags(sshFlags, args) : parseFlags(sshdFlags, args);
    for (const operand of operands) {
      const found = parseDestination(operand);
      if (found === undefined) continue;
      const { host, user = 'me' } = found;
      if (/^-|[\s;|&$`"'<>(){}\\\0]/.test(host) || /^-|[\s;|&`"'<>(){}\0]/.test(user)) {
        throw new Error(`taken for a destination: ${JSON.stringify(found)}`);
      }
    }
  },
};

/** A source or a target of scp: whatever it is taken for, nothing of it is lost, and addresses hold plain hosts and ports. */
export const scpPlace: FuzzTarget = {
  name: 'scp-place',
  seeds: [
    'me@host:a/b',
    '[::1]:x',
    'me@[fe80::1%lo]:',
    './a:b',
    ':x',
    'scp://me%40x;y=z@[::1]:22/a%20b',
    'scp://host',
  ].map((text) => Buffer.from(text)),
  run(input) {
    const text = input.toString('utf8');
    const place = parsePlace(text);
    if ('bad' in place) return;
    if ('local' in place) {
      if (place.local !== text || text.startsWith('scp://'))
        throw new Error(`taken for a file: ${JSON.stringify(place)}`);
      return;
    }
    const { host, port = 1, path } = place.remote;
    if (!text.startsWith('scp://') && !(text.endsWith(`:${path}`) || (path === '.' && text.endsWith(':')))) {
      throw new Error(`another path: ${JSON.stringify(place)}`);
    }
    if (text.startsWith('scp://') && /^-|[/@]/.test(host))
      throw new Error(`taken for a host: ${JSON.stringify(place)}`);
    if (!(port >= 1 && port <= 65_535)) throw new Error(`taken for a port: ${port}`);
  },
};

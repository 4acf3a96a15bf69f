/** What the tools read: ssh's configuration files, and command lines. */
import { SshError } from '@nacre/ssh/errors';
import { applyOption } from 'nacre/dist/commands/ssh/config-file.js';
import { splitConfigLine } from 'nacre/dist/commands/ssh/config-words.js';
import { parseDestination } from 'nacre/dist/commands/ssh/destination.js';
import { FatalError } from 'nacre/dist/commands/ssh/end.js';
import { flagTable as sshFlags } from 'nacre/dist/commands/ssh/flag-table.js';
import type { Draft } from 'nacre/dist/commands/ssh/keywords/settings.js';
import { ValueError } from 'nacre/dist/commands/ssh/keywords/values.js';
import { Log } from 'nacre/dist/commands/ssh/log.js';
import { flagTable as sshdFlags } from 'nacre/dist/commands/sshd/flags.js';
import { parseFlags } from 'nacre/dist/flags/index.js';
import type { FuzzTarget } from '../target.ts';

const isInclude = /^\W*include/i;
const context = { originalHost: 'host', localUser: 'me', home: '/nonexistent', log: new Log('QUIET') };

/** A file of ssh_config, line by line. What Include names would be read from the disk, so such lines are left out. */
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
  run(input) {
    const draft: Draft = {};
    let refusal: SshError | undefined;
    for (const line of input.toString('utf8').split('\n')) {
      if (isInclude.test(line)) continue;
      try {
        splitConfigLine(line);
        applyOption(line, draft, context);
      } catch (error) {
        if (!(error instanceof FatalError || error instanceof ValueError)) throw error;
        refusal = refused(error);
      }
    }
    if (refusal !== undefined) throw refusal;
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

function refused(error: Error): SshError {
  return new SshError(error.message, { code: 'misuse', stage: 'config', cause: error });
}

/** The connection that `sshd -C` describes: `user=ada,host=db1,addr=192.0.2.7,laddr=…,lport=22,rdomain=…,invalid-user`. */
import { SshError } from '../../errors.ts';
import type { ConnectionFacts } from './match.ts';

const names: Readonly<Record<string, 'user' | 'host' | 'address' | 'localAddress' | 'rdomain'>> = {
  user: 'user',
  host: 'host',
  addr: 'address',
  laddr: 'localAddress',
  rdomain: 'rdomain',
};

/**
 * Adds what a specification says to what others said.
 *
 * @throws SshError `misuse` for what is none.
 */
export function parseConnectionSpec(text: string, before: ConnectionFacts = {}): ConnectionFacts {
  const facts: { -readonly [Name in keyof ConnectionFacts]: ConnectionFacts[Name] } = { ...before };
  for (const part of text.split(',')) {
    // OpenSSH reads no further than an empty part.
    if (part === '') break;
    const [, name = '', value = ''] = /^([a-z]+)=([\s\S]*)$/.exec(part) ?? [];
    const field = Object.hasOwn(names, name) ? names[name] : undefined;
    if (part === 'invalid-user') facts.isInvalidUser = true;
    else if (field !== undefined) facts[field] = value;
    else if (name === 'lport') facts.localPort = parsePort(value, part);
    else throw misuse(`Invalid test mode specification ${part}`);
  }
  return facts;
}

function parsePort(text: string, part: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw misuse(`Invalid port '${text}' in test mode specification ${part}`);
}

function misuse(message: string): SshError {
  return new SshError(message, {
    code: 'misuse',
    stage: 'usage',
    remedy: 'Write, for example, -C user=ada,host=db1.example.com,addr=192.0.2.7.',
  });
}

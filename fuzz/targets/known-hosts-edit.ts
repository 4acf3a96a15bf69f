/** Edits of known_hosts: finding, removing and hiding hosts in any text. */
import { findHostLines, hashHosts, type KnownHostsLine, removeHost } from '@nacre/ssh/known-hosts';
import { findHostEntries, parseKnownHosts } from '@nacre/ssh/trust';
import { knownKey } from '../known-key.ts';
import type { FuzzTarget } from '../target.ts';

const key = `${knownKey.publicKey.type} ${knownKey.publicKey.blob.toString('base64')}`;
const hidden = '|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=';
const host = 'example.com';

/** An edit touches the lines it tells of and no other, and what a quick look finds is what a look at every line finds. */
export const knownHostsEdit: FuzzTarget = {
  name: 'known-hosts-edit',
  seeds: [
    Buffer.from(`# comment\n\n${host},b ${key} why\n[${host}]:2222 ${key}\n*.com,!b.com ${key}`),
    Buffer.from(
      `@revoked ${host} ${key}\r\n@cert-authority\t* ${key}\n${hidden} ${key}\n|1|a|b ${key}\nEXAMPLE.com ${key}\n`,
    ),
    Buffer.from(`a,,${host}, ${key}\n \t${host}\tssh-rsa\tAAAA #\n${host} ssh-dss AAAA\n@x ${host} ${key}\n`),
  ],
  run(input) {
    const text = input.toString('utf8');
    const lines = text.split('\n');
    requireSame(text, lines);

    const removal = removeHost(text, host);
    for (const line of removal.removed) requireLine(lines, line);
    requireRest(removal.text, lines, removal.removed);
    if (removeHost(removal.text, host).removed.length > 0) throw new Error('a host was still there after its removal');

    const hashed = hashHosts(text);
    const again = hashHosts(hashed.text);
    if (again.hashedCount > 0 || again.text !== hashed.text) throw new Error('names were hashed twice');
    if (countPlain(findHostLines(text, host)) > countPlain(findHostLines(hashed.text, host))) {
      throw new Error('a host was not found any more under its hashed name');
    }
  },
};

function requireSame(text: string, lines: readonly string[]): void {
  const matching = parseKnownHosts(text, { name: 'file' });
  const found = new Set(findHostEntries([matching], host).map(({ line }) => line));
  for (const entry of matching.entries) {
    // A file of this line alone has nothing to pass over.
    const alone = findHostEntries([parseKnownHosts(lines[entry.line - 1] ?? '', { name: 'line' })], host).length > 0;
    if (alone !== found.has(entry.line)) throw new Error(`line ${entry.line} was ${alone ? 'missed' : 'made up'}`);
  }
}

function requireLine(lines: readonly string[], { line, text }: KnownHostsLine): void {
  if (lines[line - 1] !== text) throw new Error(`line ${line} is another one`);
}

function requireRest(edited: string, lines: readonly string[], gone: readonly KnownHostsLine[]): void {
  const numbers = new Set(gone.map(({ line }) => line));
  const rest = lines.filter((_, index) => !numbers.has(index + 1));
  // With the last line goes the line feed before it, or stays, as there was one behind.
  const expected = numbers.has(lines.length) && rest.length > 0 ? `${rest.join('\n')}\n` : rest.join('\n');
  if (edited !== expected) throw new Error('removing a host changed other lines');
}

function countPlain(found: readonly KnownHostsLine[]): number {
  return found.filter(({ marker, hosts }) => marker === undefined && !/[*?!]/.test(hosts)).length > 0 ? 1 : 0;
}

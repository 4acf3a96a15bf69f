/** Answers of name servers, and resolv.conf. */
import { decodeSshfpAnswer, encodeSshfpQuery, parseDnsName, parseResolvConf } from '@nacre/ssh/client';
import type { FuzzTarget } from '../target.ts';

const query = { id: 0x1234, labels: parseDnsName('host.example.com') ?? [] };
const question = encodeSshfpQuery(query).subarray(12, -11);
const record = `002c000100000e1000220402${'11'.repeat(32)}`;

function answer(flags: string, ...records: string[]): Buffer {
  const head = Buffer.from(`1234${flags}0001${records.length.toString(16).padStart(4, '0')}00000000`, 'hex');
  return Buffer.concat([head, question, Buffer.from(records.join(''), 'hex')]);
}

/** No more records come out than went in, and those only of an answer to the question. */
export const dnsAnswer: FuzzTarget = {
  name: 'dns-answer',
  seeds: [
    answer('81a0', `c00c${record}`, `c00c${record}`),
    answer('8180', 'c00c0005000100000e10000603626f78c011', `03626f78c011${record}`),
    answer('8380'),
    answer('8183'),
  ],
  run(input) {
    const found = decodeSshfpAnswer(Buffer.from(input), query);
    if (found === undefined) return;
    if (input.readUInt16BE(0) !== query.id) throw new Error('an answer to another question');
    if (found.records.length > input.readUInt16BE(6)) throw new Error('records that nobody sent');
    const bytes = found.records.reduce((sum, { fingerprint }) => sum + fingerprint.length, 0);
    if (bytes > input.length) throw new Error('more bytes than there were');
  },
};

/** There is always a server to ask, and never many of them. */
export const resolvConf: FuzzTarget = {
  name: 'resolv-conf',
  seeds: [Buffer.from('# c\nnameserver 192.0.2.1\nnameserver ::1\noptions timeout:3 attempts:2 trust-ad use-vc\n')],
  run(input) {
    const { servers, timeoutMs, attempts } = parseResolvConf(input.toString('utf8'));
    if (servers.length < 1 || servers.length > 3) throw new Error(`${servers.length} servers`);
    if (!(timeoutMs >= 1000 && timeoutMs <= 30_000 && attempts >= 1 && attempts <= 5)) throw new Error('no bounds');
  },
};

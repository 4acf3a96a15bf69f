/** Which message may arrive when, written out by hand: what the tests hold the table of phases against. */
import type { Phase, Role, Verdict } from './phase.ts';

/** Written by hand from the RFCs, message number by message number; what stands in no list is refused. */
interface Expected {
  accept: string;
  ignore?: string;
  unimplemented?: string;
}

/** Numbers that no message of this suite has. */
const unknown = '0 9-19 22-29 54-59 83-89 101-191 194-255';

export const expectations: Record<`${Role} ${Phase}`, Expected> = {
  // RFC 4253 §7: before KEXINIT nothing but it and the four messages that may always come.
  'client first-kexinit': { accept: '1-4 20' },
  'server first-kexinit': { accept: '1-4 20' },
  // §7.1: until NEWKEYS messages 1-4, 21 and those of the method.
  'client first-kex': { accept: '1-4 21 30-49' },
  'server first-kex': { accept: '1-4 21 30-49' },
  // §10, RFC 8308 §2.4.
  'client service': { accept: '1-4 6-7', unimplemented: unknown },
  'server service': { accept: '1-5 7', unimplemented: unknown },
  // RFC 4252 §6: 50-79; a server never takes 51-53 (CVE-2018-10933), a client never 50. Paramiko asks for the service again
  // with every attempt.
  'client auth': { accept: '1-4 7 51-53 60-79', unimplemented: unknown },
  'server auth': { accept: '1-5 50 60-79', unimplemented: unknown },
  // RFC 4254: 80-82, 90-100. RFC 4252 §5.1: late login requests are ignored.
  'client connection': { accept: '1-4 20 80-82 90-100 192-193', unimplemented: unknown },
  'server connection': { accept: '1-4 20 80-82 90-100 192-193', ignore: '50', unimplemented: unknown },
  'client rekey': { accept: '1-4 21 30-49' },
  'server rekey': { accept: '1-4 21 30-49' },
};

/** "1-4 20" to numbers. */
export function numbersIn(ranges = ''): Set<number> {
  const numbers = new Set<number>();
  for (const range of ranges.split(' ').filter((part) => part !== '')) {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}

/** The expected verdict; strict key exchange (PROTOCOL §1.10) refuses 2, 3 and 4 in the first exchange as well. */
export function expectedVerdict(role: Role, phase: Phase, number: number, strict: boolean): Verdict {
  const { accept, ignore, unimplemented } = expectations[`${role} ${phase}`];
  if (strict && phase === 'first-kex' && [2, 3, 4].includes(number)) return 'refuse';
  if (numbersIn(accept).has(number)) return 'accept';
  if (numbersIn(ignore).has(number)) return 'ignore';
  return numbersIn(unimplemented).has(number) ? 'unimplemented' : 'refuse';
}

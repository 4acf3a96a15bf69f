/** ssh-keygen -Y: signing files and verifying them. A row an operation. */
import { usageError } from '../../flags/usage.ts';
import { Ending } from './ending.ts';
import { type KeygenFlags, table } from './flags.ts';

interface Operation {
  readonly name: string;
  /** Flags that must be there, in the order in which a missing one is complained of. */
  readonly needs: readonly { readonly flag: keyof KeygenFlags; readonly complaint: string }[];
  run(flags: KeygenFlags, operands: readonly string[]): Promise<number>;
}

const namespace = (name: string) =>
  ({ flag: 'principals', complaint: `Too few arguments for ${name}: missing namespace` }) as const;
const signature = (name: string, space = ' ') =>
  ({
    flag: 'certificateAuthority',
    complaint: `Too few arguments for ${name}:${space}missing signature file`,
  }) as const;
const allowedKeys = (name: string, space = '') =>
  ({ flag: 'file', complaint: `Too few arguments for ${name}:${space}missing allowed keys file` }) as const;
const identity = (name: string, what: string) =>
  ({ flag: 'certificateId', complaint: `Too few arguments for ${name}: missing principal ${what}` }) as const;

const operations: readonly Operation[] = [
  {
    name: 'find-principals',
    needs: [signature('find-principals', ''), allowedKeys('find-principals')],
    run: async (flags) => (await import('./signatures/principals.ts')).findPrincipals(flags),
  },
  {
    name: 'match-principals',
    needs: [allowedKeys('match-principals'), identity('match-principals', 'ID')],
    run: async (flags) => (await import('./signatures/principals.ts')).matchPrincipals(flags),
  },
  {
    name: 'sign',
    needs: [namespace('sign'), { flag: 'file', complaint: 'Too few arguments for sign: missing key' }],
    run: async (flags, operands) => (await import('./signatures/sign.ts')).sign(flags, operands),
  },
  {
    name: 'check-novalidate',
    needs: [namespace('check-novalidate'), signature('check-novalidate')],
    run: async (flags) => (await import('./signatures/verify.ts')).checkOnly(flags),
  },
  {
    name: 'verify',
    // OpenSSH's complaint of the missing file names the wrong operation, and scripts may look for it.
    needs: [namespace('verify'), signature('verify'), allowedKeys('sign', ' '), identity('verify', 'identity')],
    run: async (flags) => (await import('./signatures/verify.ts')).verify(flags),
  },
];

export async function run(flags: KeygenFlags, operands: readonly string[]): Promise<number> {
  const mode = flags.signatureMode as string;
  // As OpenSSH, which compares as many letters as the name has.
  const operation = operations.find(({ name }) => mode.startsWith(name));
  if (operation === undefined) throw usageError(table, `Unsupported operation for -Y: "${mode}"`);
  for (const { flag, complaint } of operation.needs) {
    const isEmptyNamespace = flag === 'principals' && flags[flag] === '';
    if (flags[flag] === undefined || isEmptyNamespace) throw new Ending(complaint, 1);
  }
  return await operation.run(flags, operands);
}

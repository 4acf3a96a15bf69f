/** ssh-keygen -M: makes moduli for group exchange, in two steps: candidates by a sieve, and of those the safe primes. */
import { Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';

export async function run(flags: KeygenFlags, operands: readonly string[]): Promise<number> {
  if (flags.moduli !== 'generate' && flags.moduli !== 'screen') {
    throw new Ending(`Unsupported moduli option ${flags.moduli}`);
  }
  const [output] = operands;
  if (output === undefined) throw new Ending('No output file specified');
  if (operands.length > 1) throw new Ending('Too many output files specified');
  const step = flags.moduli === 'generate' ? import('./moduli/generate.ts') : import('./moduli/screen.ts');
  return (await step).run(flags, output);
}

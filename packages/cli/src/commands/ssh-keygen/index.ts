/** ssh-keygen: makes keys, shows and changes them. Each thing it can do is a row of table.ts. */
import { parseFlags } from '../../flags/flags.ts';
import { usageError } from '../../flags/usage.ts';
import { Ending } from './ending.ts';
import { table } from './flags.ts';
import { chooseTask, takesOperands } from './table.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(table, args);
  try {
    if (operands.length > 0 && !takesOperands(flags)) throw usageError(table, 'Too many arguments.');
    if (flags.changePassphrase && flags.changeComment) throw usageError(table, 'Can only have one of -p and -c.');
    const task = await chooseTask(flags).load();
    return await task.run(flags, operands);
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    if (error.message !== '') process.stderr.write(`${error.message}\n`);
    return error.status;
  }
}

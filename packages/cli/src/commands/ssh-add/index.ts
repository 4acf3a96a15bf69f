/** ssh-add: gives keys to the agent, lists and removes them. Each thing it can do is a row of actions/table.ts. */
import { parseFlags } from '../../flags/flags.ts';
import { Ending } from '../ssh-keygen/ending.ts';
import { chooseAction } from './actions/table.ts';
import { connectAgent } from './connect.ts';
import { table } from './flags.ts';
import { readRequest } from './request.ts';

export async function run(args: readonly string[]): Promise<number> {
  try {
    // Before anything else, as scripts learn from status 2 that no agent runs, whatever else they ask.
    using agent = await connectAgent();
    const request = readRequest(parseFlags(table, args), agent);
    const action = await chooseAction(request).load();
    return await action.run(request);
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    // What OpenSSH's fatal() says ends with a carriage return too; other endings are plain lines.
    process.stderr.write(`${error.message}${error.status === 255 ? '\r' : ''}\n`);
    return error.status;
  }
}

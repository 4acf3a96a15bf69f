/** ssh-add -Q: the protocol extensions that the agent says it knows, a line each. */
import { sanitize } from '../../../terminal/sanitize.ts';
import type { Request } from '../request.ts';
import { agentWords, say } from '../words.ts';

export async function run({ agent }: Request): Promise<number> {
  try {
    const names = await agent.queryExtensions();
    for (const name of names) process.stdout.write(`${sanitize(name)}\n`);
    if (names.length > 0) return 0;
    say('Could not query extensions: agent refused operation');
  } catch (error) {
    say(`Could not query extensions: ${agentWords(error)}`);
  }
  return 1;
}

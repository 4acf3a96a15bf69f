/** ssh-add -D: removes every key from the agent. */
import type { Request } from '../request.ts';
import { agentWords, say } from '../words.ts';

export async function run({ flags, agent, log }: Request): Promise<number> {
  try {
    await agent.removeAll();
  } catch (error) {
    log.debug(1, agentWords(error));
    say('Failed to remove all identities.');
    return 1;
  }
  if (!flags.quiet) say('All identities removed.');
  return 0;
}

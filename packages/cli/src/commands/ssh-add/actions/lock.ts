/** ssh-add -x and -X: locks the agent with a password, and unlocks it. */
import { askHidden } from '../ask.ts';
import type { Request } from '../request.ts';
import { agentWords, say } from '../words.ts';

export async function run({ flags, agent, log }: Request): Promise<number> {
  const locks = flags.lock > 0;
  const password = await askHidden('Enter lock password: ', log);
  if (locks && (await askHidden('Again: ', log)) !== password) {
    say('Passwords do not match.');
    return 1;
  }
  try {
    await (locks ? agent.lock(password) : agent.unlock(password));
  } catch (error) {
    say(`Failed to ${locks ? '' : 'un'}lock agent: ${agentWords(error)}`);
    return 1;
  }
  say(`Agent ${locks ? '' : 'un'}locked.`);
  return 0;
}

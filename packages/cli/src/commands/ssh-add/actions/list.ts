/** ssh-add -l and -L: the keys that the agent holds, as fingerprints or as public key lines. */
import type { AgentIdentity } from '@nacre/ssh/agent';
import { fingerprint, shortTypeName } from '@nacre/ssh/keys';
import { sanitize } from '../../../terminal/sanitize.ts';
import type { Request } from '../request.ts';
import { agentWords, say } from '../words.ts';

export async function run({ flags, agent, hash, log }: Request): Promise<number> {
  let identities: AgentIdentity[];
  try {
    identities = await agent.list();
  } catch (error) {
    say(`error fetching identities: ${agentWords(error)}`);
    return 1;
  }
  if (identities.length === 0) {
    process.stdout.write('The agent has no identities.\n');
    return 1;
  }
  const lines: string[] = [];
  for (const { key, blob, type, comment } of identities) {
    const words = sanitize(comment);
    if (flags.listKeys > 0) {
      // A type that is not known here is a key all the same, and its line is of use elsewhere.
      lines.push(`${sanitize(type)} ${blob.toString('base64')} ${words}\n`);
    } else if (key === undefined) {
      log.debug(1, `the agent holds a key of type ${type}, which is not known here`);
    } else {
      lines.push(`${key.bits} ${fingerprint(key, hash)} ${words} (${shortTypeName(key)})\n`);
    }
  }
  process.stdout.write(lines.join(''));
  return 0;
}

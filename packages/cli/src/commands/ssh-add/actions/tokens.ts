/** ssh-add -s and -e: the keys of a PKCS#11 token. The agent loads the library; here is only asked for the PIN. */
import type { PublicKey } from '@nacre/ssh/keys';
import { Ending } from '../../ssh-keygen/ending.ts';
import { findPublicKey } from '../../ssh-keygen/key-input.ts';
import { askHidden } from '../ask.ts';
import { readConstraints } from '../constraints.ts';
import type { Request } from '../request.ts';
import { agentWords, say } from '../words.ts';

export async function run(request: Request): Promise<number> {
  const { agent, flags, log, operands, removes, tokenProvider = '' } = request;
  try {
    if (removes) {
      await agent.removeSmartcardKeys(tokenProvider, '');
    } else {
      const constraints = await readConstraints(request);
      const certificates = operands.map(loadCertificate);
      if (certificates.length > 0) log.debug(2, `update_card: loaded ${certificates.length} certificates`);
      const pin = await askHidden('Enter passphrase for PKCS#11: ', log);
      await agent.addSmartcardKeys(tokenProvider, pin, {
        constraints: {
          ...constraints,
          ...(certificates.length > 0 && {
            associatedCertificates: { certificates, certificatesOnly: flags.certificatesOnly },
          }),
        },
      });
    }
  } catch (error) {
    if (error instanceof Ending) throw error;
    say(`Could not ${removes ? 'remove' : 'add'} card "${tokenProvider}": ${agentWords(error)}`);
    return 1;
  }
  if (!flags.quiet) say(`Card ${removes ? 'removed' : 'added'}: ${tokenProvider}`);
  return 0;
}

function loadCertificate(path: string): PublicKey {
  const key = findPublicKey(path)?.key;
  if (key === undefined) throw new Ending(`update_card: load certificate ${path}: No such file or directory`);
  if (key.certificate === undefined) throw new Ending(`update_card: ${path} is not a certificate`);
  return key;
}

/** ssh-add -K: the keys that are stored in a FIDO authenticator, which only middleware can read. */
import type { Request } from '../request.ts';

export async function run({ log, securityKeyProvider }: Request): Promise<number> {
  // The PIN is not asked for: there is nothing here that it could be given to.
  log.error(
    `Unable to load resident keys: device not found (FIDO authenticators are not read here, with "${securityKeyProvider}" or otherwise; ` +
      "write their keys to files with OpenSSH's ssh-keygen -K and add those)",
  );
  return 1;
}

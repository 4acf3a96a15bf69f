/** What a session host knows of a connection: what the monitor told it. */
import type { Account } from '../../../os/index.ts';
import type { Admitted, Candidate, Say } from '../admission.ts';
import type { Settings } from '../config/config.ts';

/** One connection's. */
export class HostAdmission implements Admitted {
  readonly #candidate: Candidate;
  readonly #say: Say;

  constructor(account: Account, settings: Settings, say: Say) {
    this.#candidate = { account, isValid: true, settings };
    this.#say = say;
  }

  find(): Candidate {
    return this.#candidate;
  }

  settingsOf(): Settings {
    return this.#candidate.settings;
  }

  logFor(): Say {
    return this.#say;
  }
}

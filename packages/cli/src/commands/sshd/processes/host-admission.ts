/** What a session host knows of a connection: what the monitor told it. */
import type { Admitted, Candidate, RootDesk, Say } from '../admission.ts';
import type { Settings } from '../config/config.ts';
import type { Becoming } from './tables.ts';

/** One connection's. */
export class HostAdmission implements Admitted {
  readonly #candidate: Candidate;
  readonly #say: Say;

  constructor({ account, chroot }: Becoming, settings: Settings, say: Say, desk: RootDesk) {
    this.#candidate = { account, isValid: true, settings, isShutIn: chroot !== undefined, desk };
    this.#say = say;
  }

  find(): Candidate {
    return this.#candidate;
  }

  requireCandidate(): Candidate {
    return this.#candidate;
  }

  settingsOf(): Settings {
    return this.#candidate.settings;
  }

  logFor(): Say {
    return this.#say;
  }
}

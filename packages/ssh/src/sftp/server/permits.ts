/** Which requests a session serves: read-only, allow list, deny list, as OpenSSH's server decides. */
import type { ServerRequest } from './requests/request.ts';
import type { ServerSession } from './session.ts';

export class Permits {
  readonly #session: ServerSession;
  readonly #allow: ReadonlySet<string> | undefined;
  readonly #deny: ReadonlySet<string>;

  constructor(session: ServerSession) {
    const { allow, deny } = session.options;
    this.#session = session;
    this.#allow = allow && new Set(allow);
    this.#deny = new Set(deny);
  }

  allows({ name, changes }: ServerRequest): boolean {
    const session = this.#session;
    if (changes && session.options.readOnly) {
      session.log('verbose', `Refusing ${name} request in read-only mode`);
      return false;
    }
    if (this.#deny.has(name)) {
      session.log('verbose', `Refusing denylisted ${name} request`);
      return false;
    }
    if (this.#allow === undefined) return true;
    if (this.#allow.has(name)) {
      session.log('debug2', `Permitting allowlisted ${name} request`);
      return true;
    }
    session.log('verbose', `Refusing non-allowlisted ${name} request`);
    return false;
  }
}

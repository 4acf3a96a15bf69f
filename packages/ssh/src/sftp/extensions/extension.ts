/** What an extension of the protocol is: its name and version in the server's greeting, and what its messages hold. */

/** The layout of a request or a reply. */
interface Layout<T> {
  encode(value: T): Buffer;
  decode(bytes: Uint8Array, more?: 'ignored'): T;
}

export interface SftpExtension<Request, Reply = undefined> {
  readonly name: string;
  /** What the server must say beside the name: another version may have other fields. Undefined where no version stands there. */
  readonly version: string | undefined;
  readonly request: Layout<Request>;
  /** Undefined where a status is the whole answer, or where it comes as names. */
  readonly reply: Layout<Reply> | undefined;
  /** The answer is a NAME message with one name, as that to REALPATH is. */
  readonly answersName?: boolean;
}

/** What an extension of the protocol is: its name and version in the server's greeting, and what its messages hold. */

/** The layout of a request or a reply. */
interface Layout<T> {
  encode(value: T): Buffer;
  decode(bytes: Uint8Array): T;
}

export interface SftpExtension<Request, Reply = undefined> {
  readonly name: string;
  /** What the server must say beside the name: another version may have other fields. */
  readonly version: string;
  readonly request: Layout<Request>;
  /** Undefined where a status is the whole answer. */
  readonly reply: Layout<Reply> | undefined;
}

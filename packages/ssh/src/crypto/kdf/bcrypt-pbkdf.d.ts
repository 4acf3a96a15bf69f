/** The part of the package bcrypt-pbkdf that we call; it brings no types of its own. */
declare module 'bcrypt-pbkdf' {
  const bcrypt: {
    /** Fills `key`; gives -1, and leaves `key` as it was, for lengths it does not take. */
    pbkdf(
      passphrase: Uint8Array,
      passphraseBytes: number,
      salt: Uint8Array,
      saltBytes: number,
      key: Uint8Array,
      keyBytes: number,
      rounds: number,
    ): number;
  };
  export = bcrypt;
}

/** A stream in memory for the tests of this folder: records what is written, delivers what a test says. */
import type { AgentStream } from './stream.ts';

export class MemoryStream implements AgentStream {
  readonly written: Buffer[] = [];
  destroyed = false;
  /** What `write` says: false once enough is held. */
  takesMore = true;
  onWrite: (bytes: Buffer) => void = () => {};
  readonly #listeners: Record<string, ((value: never) => void)[]> = {};

  write(bytes: Uint8Array): boolean {
    this.written.push(Buffer.from(bytes));
    this.onWrite(Buffer.from(bytes));
    return this.takesMore;
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners[event] ??= [];
    this.#listeners[event].push(listener);
  }

  emit(event: 'data' | 'error' | 'end' | 'close' | 'drain', value?: Buffer | Error): void {
    for (const listener of this.#listeners[event] ?? []) listener(value as never);
  }

  destroy(): void {
    this.destroyed = true;
  }
}

export const identityKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGHSENxlg6TLk/76s8MlkJWXO/ILsA9rwBnPOOB6m62J';
export const rsaIdentityKey =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDK5OsBES5LYfkuWs+5XbT43Se1AvAz1KWAYStlgmA3P4EKts7ai0uyEgM5rXMU+KJWfGQlICAlR8uUbshPEQddgzYg3fawqMVRE+u986h5XTvSdaDnGwXx+zMBsqwE31VccLS5pcyrDeFfCPm5Bny8vUSEpBWYXDRa0RB+58sY5iaQn0GJdaO53VaLABVdkdpY7oxNHpjmL1Sxg2qkCwnE+vQ6dtoKZu6nNL15jMhRaFbBaV4LCUriNk7VIhtPvQHFoaQzNWVFah3kk9ZoIFlNgrr3mGzNXmhybWmcp3sL8KiqTdDW0+TeG228BVfuc5LNeFM0qYysR/x/HLba9jzv';

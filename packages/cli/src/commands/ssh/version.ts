/** What -V prints, without loading the library. */
import { readFileSync } from 'node:fs';

export function versionLine(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const { version } = manifest as { version: string };
  return `nacre_${version}, OpenSSL ${process.versions.openssl}`;
}

/** What -V prints, without loading the library. */
import { readVersion } from '../../os/installation.ts';

export function versionLine(): string {
  return `nacre_${readVersion()}, OpenSSL ${process.versions.openssl}`;
}

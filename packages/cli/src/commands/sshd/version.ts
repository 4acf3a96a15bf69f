/** What `sshd -V` says. */
import { version } from '@nacre/ssh';

export function versionLine(): string {
  return `nacre_${version}, Node ${process.version}, OpenSSL ${process.versions.openssl}`;
}

/** SEC1 files, "BEGIN EC PRIVATE KEY" (RFC 5915): what OpenSSL and old ssh-keygen write for ECDSA. */
import { createContainerFormat } from './pem/container.ts';

export const sec1 = createContainerFormat('sec1', 'EC PRIVATE KEY', 'ecdsa');

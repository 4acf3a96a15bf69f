/** PKCS#8 files (RFC 5958), "BEGIN PRIVATE KEY" and "BEGIN ENCRYPTED PRIVATE KEY", for every key type. */
import { createContainerFormat } from './pem/container.ts';

export const pkcs8 = createContainerFormat('pkcs8', 'PRIVATE KEY', undefined);

/** PKCS#1 files, "BEGIN RSA PRIVATE KEY": what OpenSSL and old ssh-keygen write for RSA. */
import { createContainerFormat } from './pem/container.ts';

export const pkcs1 = createContainerFormat('pkcs1', 'RSA PRIVATE KEY', 'rsa');

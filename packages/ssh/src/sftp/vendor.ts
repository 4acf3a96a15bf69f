/** vendor-id (draft-ietf-secsh-filexfer-13 §4.4): which server it is, for what servers do differently. */
import { declareStructure, fields } from '../wire/index.ts';

const { rest, string } = fields;
const vendorId = declareStructure('vendor-id', { vendor: string, product: string, more: rest });

/**
 * Whether SSH_FXP_SYMLINK has the link first, as draft-02 §6.10 asks for. OpenSSH has the target first, and nearly all servers with it;
 * AsyncSSH does so only for clients whose names it knows.
 */
export function hasLinkFirst(extensions: ReadonlyMap<string, Buffer>): boolean {
  const announced = extensions.get('vendor-id');
  if (announced === undefined) return false;
  try {
    return vendorId.decode(announced).product.toString('latin1') === 'AsyncSSH';
  } catch {
    // It says nothing that anybody needs.
    return false;
  }
}

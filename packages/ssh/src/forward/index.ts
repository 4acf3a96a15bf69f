/** What forwards need besides channels. */
export { formatSocksReply, SocksHandshake, type SocksOutcome, type SocksRequest, type SocksStep } from './socks.ts';

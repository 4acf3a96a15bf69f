/** TunnelPolicy and TunnelQuota: rules of any words, printed and read back, asked about a target. */
import { SshError } from '@nacre/ssh/errors';
import { findDenial, formatTunnelQuota, judgeByName, parseTunnelQuota, parseTunnelRule } from '@nacre/ssh/trust';
import type { FuzzTarget } from '../target.ts';

const target = { direction: 'local', host: 'db1.example.com', port: 5432, address: '10.1.2.3' } as const;

/** Lines of words, each a rule. What the name alone decides, the address does not change. */
export const tunnelRules: FuzzTarget = {
  name: 'tunnel-rules',
  seeds: [
    'allow local *.example.com:5432 10.0.0.0/8:1-1023\ndeny any *',
    'deny remote [2001:db8::/32]:* [::1]:22\nallow socket /run/*/x?.sock',
    'deny any 169.254.169.254 /run/docker.sock\nallow local db?.example.com',
  ].map((text) => Buffer.from(text)),
  run(input) {
    const rules = input
      .toString('utf8')
      .split('\n')
      .map((line) => parseTunnelRule(line.split(' ')));
    const again = rules.map((rule) => parseTunnelRule(rule.words));
    const denial = findDenial(rules, target);
    if (findDenial(again, target)?.words.join() !== denial?.words.join())
      throw new Error('read back it is another rule');
    const verdict = judgeByName(rules, target);
    if (verdict !== 'unknown' && verdict.denial !== denial)
      throw new Error('the address changed a verdict on the name');
    for (const realPath of ['/run/x/x1.sock', '/'])
      findDenial(rules, { direction: 'socket', path: '/run/x', realPath });
  },
};

export const tunnelQuota: FuzzTarget = {
  name: 'tunnel-quota',
  seeds: ['connections=20 bytes=1G total-bytes=10G every=1d per=user', 'bytes=1k per=connection'].map((text) =>
    Buffer.from(text),
  ),
  run(input) {
    const quota = parseTunnelQuota(input.toString('utf8').split(' '));
    const text = formatTunnelQuota(quota);
    try {
      if (formatTunnelQuota(parseTunnelQuota(text.split(' '))) !== text) throw new Error(`no fixed point: ${text}`);
    } catch (error) {
      throw error instanceof SshError ? new Error(`what is printed is not read: ${text}`) : error;
    }
  },
};

import { connect, pinnedHostKeys } from './packages/ssh/src/client/index.ts';
import { parsePublicKey } from './packages/ssh/src/keys/index.ts';
import { readFileSync } from 'node:fs';
const server = await connect('root@127.0.0.1:2299', { hostKeys: pinnedHostKeys(parsePublicKey(readFileSync('/tmp/smoke/hk.pub','utf8')).key), identities: ['/tmp/smoke/id'], log: (l, t) => l < 2 && console.error(t) });
console.log(await server.exec('echo hello; echo oops >&2; cat; exit 3', { input: 'from stdin\n' }));
const t=performance.now(); const s = await server.spawn('head -c 1073741824 /dev/zero'); let n=0; s.stdout.on('data', (c)=>{n+=c.length}); await s.exit; console.log(n, (n/1e6/((performance.now()-t)/1000)).toFixed(0),'MB/s');
await server.rekey();
console.log((await server.exec('uname -a')).stdout);
await server.close();

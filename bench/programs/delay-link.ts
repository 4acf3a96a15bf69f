/** The delay link in a process of its own: TARGET_PORT BYTES_PER_SECOND ROUND_TRIP_MS; says its port, and runs until it is ended. */
import { startDelayLink } from '../delay-link.ts';

const [targetPort = 0, bytesPerSecond = 0, roundTripMs = 0] = process.argv.slice(2).map(Number);
const link = await startDelayLink({ targetPort, bytesPerSecond, roundTripMs });
process.stdout.write(`listening on ${link.port}\n`);
